"""Limits the requests in flight to ``workers``, across threads and greenlets."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NoReturn

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver
from ..model import Head
from .cooperation import Turn
from .silent_hosts import SilentHosts

#: Requests at once in the beginning; one more after each answer. Connections are opened one after the other then: a server that
#: gets many at the same moment may drop some, which are tried again after seconds.
_FEW = 4


@implementer(IFetcher)
class RequestLimiter:
    """Passes a limited number of concurrent requests to a fetcher, first come, first served."""

    def __init__(self, make: Callable[[], IFetcher], most: int, hosts: SilentHosts | None = None):
        """make: creates the fetcher on first use, since ``verify`` does not need one; most: the maximum number.

        hosts: gives up hosts that do not answer; None to give up none.
        """
        self._make = make
        self._hosts = hosts or SilentHosts(math.inf, 1)
        self._made: IFetcher | None = None
        self._lock = threading.Lock()
        self._waiting: deque[Turn] = deque()
        self._in_flight = 0
        self._most = most
        #: How many may be in flight now.
        self._open = _FEW

    @property
    def fetcher(self) -> IFetcher:
        """The fetcher that sends the requests."""
        if self._made is None:
            with self._lock:
                self._made = self._made or self._make()
        return self._made

    def bound(self, most: int) -> None:
        """Change the maximum; requests in flight are not interrupted."""
        with self._lock:
            self._most = most
            turns = self._turns()
        for turn in turns:
            turn.come()

    @property
    def is_within(self) -> bool:
        """Whether the number of requests in flight is within the maximum."""
        return self._in_flight <= self._most

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        fetcher = self.fetcher
        watched = _Watched(receiver)
        self._enter()
        sent = time.monotonic()
        try:
            self._hosts.check(url)
            head = fetcher.fetch(url, watched, headers)
            if not isinstance(head, Head):
                _refuse(fetcher, head)
            self._hosts.answered(url)
            return head
        except FetchError as error:
            if watched.is_answered or not error.transient:
                self._hosts.answered(url)
            elif error.retry_after is None:
                self._hosts.failed(url, sent)
            raise
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if self._in_flight < min(self._open, self._most):
                self._in_flight += 1
                return
            turn = Turn()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:  # the task is ended
            with self._lock:
                is_waiting = turn in self._waiting
                if is_waiting:
                    self._waiting.remove(turn)
            if not is_waiting:
                self._leave()
            raise

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1
            self._open += 1
            turns = self._turns() if self._waiting else ()
        for turn in turns:
            turn.come()

    def _turns(self) -> list[Turn]:
        """Take out the requests that may be sent now."""
        number = min(len(self._waiting), min(self._open, self._most) - self._in_flight)
        self._in_flight += max(number, 0)
        return [self._waiting.popleft() for _ in range(number)]

    def close(self) -> None:
        if self._made is not None:
            self._made.close()


@implementer(IReceiver)
class _Watched:
    """Notes that an answer has begun."""

    __slots__ = ("_receiver", "is_answered", "write")

    def __init__(self, receiver: IReceiver):
        self._receiver = receiver
        self.write = receiver.write
        self.is_answered = False

    def start(self, head: Head) -> None:
        self.is_answered = True
        self._receiver.start(head)


def _refuse(fetcher: IFetcher, found: object) -> NoReturn:
    """Raise TypeError. The first argument is named as the component that failed."""
    raise TypeError(f"fetch returned {found!r}, not a Head")
