"""Drives libcurl's transfers within an event loop: transfers continue whenever the loop waits.

libcurl's multi interface (https://curl.se/libcurl/c/libcurl-multi.html) could register its sockets with the loop, at the cost
of two system calls and several Python calls per transfer. One ``poll`` for both avoids them.
"""

from __future__ import annotations

import os
import select
import selectors
import time
from typing import TYPE_CHECKING, Any

from .libcurl import pycurl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .cooperation import Loop

#: Maximum seconds of one wait, for when neither libcurl nor the loop sets a timeout.
_LONGEST = 1.0
#: Maximum seconds of a wait for what has no known socket, such as libcurl's resolver (curl_multi_fdset(3)).
_WITHOUT_SOCKETS = 0.01
#: The descriptors from this one on have no place in the sets of ``fdset`` (select(2)).
_FD_SETSIZE = 1024
#: Seconds that functions may compute before libcurl reads what has arrived meanwhile: it measures the speed of transfers.
_BUSY = 0.05


def _nothing() -> None:
    pass


class CurlSelector(selectors.DefaultSelector):
    """A selector that drives the transfers of one multi handle."""

    def __init__(self, connections: int):
        """connections: the number of connections to keep open."""
        super().__init__()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        #: By handle of a transfer: the callback for its end, and the callable that resumes the waiting function.
        self._under_way: dict[Any, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._errors: dict[Any, tuple[int, str]] = {}
        #: Whether sockets may have descriptors that ``fdset`` leaves out; they are looked at without waiting for them.
        self._is_blind = False
        #: Time of the last ``perform``.
        self._performed = 0.0

    def perform(self, handle: Any, loop: Loop, finished: Callable[[], None]) -> tuple[int, str] | None:
        """Run a transfer while other greenlets run; return libcurl's error and its message, or None.

        finished: called at the end of the transfer, before the handle releases its connection.
        """
        self._add(handle)
        try:
            loop.suspend(lambda resume: self._under_way.__setitem__(handle, (finished, resume)))
        finally:
            self._give_up(handle)
        return self._errors.pop(handle, None)

    def perform_alone(self, handle: Any, finished: Callable[[], None]) -> tuple[int, str] | None:
        """Run a transfer outside of a loop. Signals can interrupt it, unlike ``Curl.perform``."""
        self._add(handle)
        self._under_way[handle] = finished, _nothing
        try:
            while handle in self._under_way:
                self.select(_LONGEST)
        finally:
            self._give_up(handle)
        return self._errors.pop(handle, None)

    def _add(self, handle: Any) -> None:
        self._multi.add_handle(handle)
        if not self._is_blind:
            descriptor = os.dup(self.fileno())  # the lowest one that is free, as of the socket that may be opened
            os.close(descriptor)
            self._is_blind = descriptor >= _FD_SETSIZE

    def _give_up(self, handle: Any) -> None:
        """Remove a transfer that is not finished."""
        if self._under_way.pop(handle, None) is not None:
            self._multi.remove_handle(handle)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self._under_way:
            return super().select(timeout)
        if not self._drive_transfers():
            reading, writing, others = self._multi.fdset()
            next_call = self._multi.timeout()
            limits = [_LONGEST if next_call < 0 else next_call / 1000, *(() if timeout is None else (max(timeout, 0.0),))]
            if not (reading or writing) or self._is_blind:
                limits.append(_WITHOUT_SOCKETS)
            _wait([*reading, self.fileno()], writing, others, min(limits))
            self._drive_transfers()
        return super().select(0)

    def _drive_transfers(self) -> bool:
        """Let libcurl read and write without blocking; return whether a transfer ended."""
        self._perform()
        ended = False
        more = True
        while more:
            more, whole, failed = self._multi.info_read()
            ended = ended or bool(whole or failed)
            for handle, code, message in failed:
                self._errors[handle] = code, message
                self._resume(handle)
            for handle in whole:
                self._resume(handle)
        return ended

    def _perform(self) -> None:
        self._multi.perform()
        self._performed = time.monotonic()

    def _resume(self, handle: Any) -> None:
        finished, resume = self._under_way.pop(handle)
        finished()
        self._multi.remove_handle(handle)
        resume()
        if time.monotonic() - self._performed > _BUSY:
            self._perform()

    def close(self) -> None:
        for handle in list(self._under_way):
            self._give_up(handle)
        self._multi.close()
        super().close()


def _wait(reading: Iterable[int], writing: Iterable[int], others: Iterable[int], seconds: float) -> None:
    """Wait as ``select.select`` does, which takes no descriptors above 1,023, such as a selector may have."""
    events = dict.fromkeys(reading, select.POLLIN)
    for descriptors, event in ((writing, select.POLLOUT), (others, select.POLLPRI)):
        for descriptor in descriptors:
            events[descriptor] = events.get(descriptor, 0) | event
    waiting = select.poll()
    for descriptor, wanted in events.items():
        waiting.register(descriptor, wanted)
    waiting.poll(seconds * 1000)
