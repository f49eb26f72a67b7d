"""How many requests are in flight at once: as many as pay, and never more than ``workers``.

Where hosts are far away most threads wait, and more of them fetch more. Where they are near, Python's lock is what threads
wait for, and more than a few only get in each other's way. So the number grows while nearly all that may be are in
flight and the processor is idle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from zope.interface import implementer

from ..interfaces import IFetcher, IReceiver
from ..model import Head

#: Requests to begin with, and never fewer.
FEW = 1
#: Seconds between two looks at the processor; its shares of that time that mean much to spare, idle, and busy.
_INTERVAL = 0.03
_MUCH, _IDLE, _BUSY = 0.2, 0.5, 0.95


@implementer(IFetcher)
class Gate:
    """Lets requests through to a fetcher, a number of them at once."""

    def __init__(self, fetcher: IFetcher, most: int):
        self.fetcher = fetcher
        self._lock = threading.Condition(threading.Lock())
        self._in_flight = 0
        self._most = most
        #: As many are let through.
        self.open = FEW
        self._looked = time.monotonic(), time.process_time()

    def bound(self, most: int) -> None:
        """Let no more than so many through at once from now on."""
        with self._lock:
            self._most = most
            self.open = min(self.open, most)

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        with self._lock:
            while self._in_flight >= self.open:
                self._lock.wait()
            self._in_flight += 1
        try:
            return self.fetcher.fetch(url, receiver, headers)
        finally:
            with self._lock:
                self._adjust()
                self._in_flight -= 1
                self._lock.notify(max(0, self.open - self._in_flight))

    def close(self) -> None:
        self.fetcher.close()

    def _adjust(self) -> None:
        now = time.monotonic()
        passed = now - self._looked[0]
        if passed < _INTERVAL:
            return
        used = time.process_time()
        share = (used - self._looked[1]) / passed
        self._looked = now, used
        if share < _IDLE and 4 * self._in_flight >= 3 * self.open:  # some threads are about to ask
            self.open = min((4 if share < _MUCH else 2) * self.open, self._most)
        elif share > _BUSY:
            self.open = max(3 * self.open // 4, FEW)
