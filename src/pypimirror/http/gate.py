"""Limits the requests in flight to ``workers``, over all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from zope.interface import implementer

from ..interfaces import IFetcher, IReceiver
from ..model import Head


@implementer(IFetcher)
class RequestLimiter:
    """Lets requests through to a fetcher, a number of them at once."""

    def __init__(self, make: Callable[[], IFetcher], most: int):
        """make: creates the fetcher on first use; a verification does not need it."""
        self._make = make
        self._made: IFetcher | None = None
        self._lock = threading.Lock()
        #: That one may go through; that no more are under way than may be.
        self._free, self._calm = threading.Condition(self._lock), threading.Condition(self._lock)
        self._in_flight = self._waiting = 0
        self._most = most

    @property
    def fetcher(self) -> IFetcher:
        """What makes the requests."""
        if self._made is None:
            with self._lock:
                self._made = self._made or self._make()
        return self._made

    def bound(self, most: int) -> None:
        """Let no more than so many through at once from now on."""
        with self._lock:
            self._most = most
            self._free.notify_all()
            self._calm.notify_all()

    def settled(self, seconds: float) -> bool:
        """Whether no more requests than that are under way; wait for it so long."""
        with self._lock:
            return self._calm.wait_for(lambda: self._in_flight <= self._most, seconds)

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        fetcher = self.fetcher
        with self._lock:
            while self._in_flight >= self._most:
                self._waiting += 1
                try:
                    self._free.wait()
                finally:
                    self._waiting -= 1
            self._in_flight += 1
        try:
            return fetcher.fetch(url, receiver, headers)
        finally:
            with self._lock:
                self._in_flight -= 1
                # Conditions are written in Python, and each request passes here: they are not told what nobody waits for.
                if self._waiting:
                    self._free.notify()
                if self._in_flight == self._most:
                    self._calm.notify_all()

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
