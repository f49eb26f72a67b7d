"""A minimum speed: transfers that hardly move are ended, so that a host that drips holds nothing up.

A socket timeout does not help, since every byte restarts it.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

#: Of the body so many bytes must come in so many seconds, or its end: about 1 kB/s.
BYTES, SECONDS = 1 << 16, 60.0
#: How often transfers are looked at, as a share of that time.
_SHARE = 0.1

#: Its ``transfer``, if there is one, is that of the thread.
_local = threading.local()


def note(sock: Any) -> None:
    """Register the socket of this thread's transfer, before it is read."""
    transfer = getattr(_local, "transfer", None)
    if transfer is not None:
        transfer.sock = sock


def too_slow() -> str:
    """Return the error message for a transfer that was aborted."""
    return f"slower than {BYTES} bytes in {SECONDS:.0f} seconds"


class Transfer:
    """One request under way."""

    def __init__(self, limit: float):
        self.sock: socket.socket | None = None
        self.slow = False
        self._limit = limit
        self._bytes = 0
        self._since = time.monotonic()

    def start(self) -> None:
        """Note that the body begins."""
        self._limit, self._bytes, self._since = SECONDS, 0, time.monotonic()

    def moved(self, count: int) -> None:
        """Note that so many bytes came."""
        self._bytes += count
        if self._bytes >= BYTES:
            self._bytes, self._since = 0, time.monotonic()

    def look(self) -> None:
        """End the transfer if it is too slow; called by another thread."""
        if time.monotonic() - self._since > self._limit and self.sock is not None and not self.slow:
            self.slow = True
            with suppress(OSError):  # it is over already
                # TLS says goodbye in the thread that reads; this wakes it.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class Pace:
    """Watches the transfers of one fetcher, from a thread that is there as long as there are any."""

    def __init__(self, timeout: float):
        """timeout: seconds that a host may think, beyond the time for the body's first part."""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._transfers: set[Transfer] = set()
        self._watching = False

    def begin(self) -> Transfer:
        """Watch what this thread does from now on until ``end``."""
        transfer = Transfer(SECONDS + self._timeout)
        with self._lock:
            self._transfers.add(transfer)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="pypimirror-pace", daemon=True).start()
        _local.transfer = transfer
        return transfer

    def end(self, transfer: Transfer) -> None:
        """Watch it no more."""
        _local.transfer = None
        with self._lock:
            self._transfers.discard(transfer)

    def _watch(self) -> None:
        while True:
            time.sleep(SECONDS * _SHARE)
            with self._lock:
                if not self._transfers:
                    self._watching = False
                    return
                transfers = tuple(self._transfers)
            for transfer in transfers:
                transfer.look()
