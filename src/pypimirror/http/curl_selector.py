"""Drives libcurl's transfers within an asyncio event loop: whatever the loop waits for, transfers go on meanwhile.

libcurl's multi interface (https://curl.se/libcurl/c/libcurl-multi.html) could report its sockets to the loop; that costs two
system calls and several Python calls a transfer. Waiting for both here costs none.
"""

from __future__ import annotations

import select
import selectors
import time
from typing import TYPE_CHECKING, Any

import pycurl

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cooperation import Loop

#: Seconds; libcurl says when it has to be called next, and the loop may have nothing else to wait for.
_LONGEST = 1.0
#: Seconds that functions may compute before libcurl reads what has arrived meanwhile: it measures the speed of transfers.
_BUSY = 0.05


def _nothing() -> None:
    pass


class CurlSelector(selectors.DefaultSelector):
    """A selector that drives the transfers of one multi handle."""

    def __init__(self, connections: int):
        """connections: so many are kept open."""
        super().__init__()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        #: By handle of a transfer: called at its end, and resumes the function that waits for it.
        self._under_way: dict[Any, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._errors: dict[Any, tuple[int, str]] = {}
        #: When libcurl last did what it can.
        self._performed = 0.0

    def perform(self, handle: Any, loop: Loop, finished: Callable[[], None]) -> tuple[int, str] | None:
        """Do a transfer while others run; return libcurl's error and its message, or None.

        finished: called at its end, when the handle still has its connection.
        """
        self._multi.add_handle(handle)
        try:
            loop.suspend(lambda resume: self._under_way.__setitem__(handle, (finished, resume)))
        finally:
            self._give_up(handle)
        return self._errors.pop(handle, None)

    def perform_alone(self, handle: Any, finished: Callable[[], None]) -> tuple[int, str] | None:
        """Do a transfer outside of a loop. A signal interrupts it, which it would not within libcurl."""
        self._multi.add_handle(handle)
        self._under_way[handle] = finished, _nothing
        try:
            while handle in self._under_way:
                self.select(_LONGEST)
        finally:
            self._give_up(handle)
        return self._errors.pop(handle, None)

    def _give_up(self, handle: Any) -> None:
        """End a transfer whose function was ended."""
        if self._under_way.pop(handle, None) is not None:
            self._multi.remove_handle(handle)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self._under_way:
            return super().select(timeout)
        if not self._moved():
            reading, writing, others = self._multi.fdset()
            next_call = self._multi.timeout()
            limits = [_LONGEST if next_call < 0 else next_call / 1000, *(() if timeout is None else (max(timeout, 0.0),))]
            select.select([*reading, self.fileno()], writing, others, min(limits))
            self._moved()
        return super().select(0)

    def _moved(self) -> bool:
        """Have libcurl do what it can; return whether a transfer ended."""
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
