"""Enforces a minimum speed: aborts stalled transfers, so that a slow host does not block a run.

A socket timeout is not enough, since every received byte restarts it.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

#: The minimum speed of a body, about 1 kB/s: bytes that have to arrive within the seconds.
BYTES, SECONDS = 1 << 16, 60.0
#: Interval of the checks, as a share of these seconds.
_SHARE = 0.1

#: Holds the ``transfer`` of each thread, if there is one.
_local = threading.local()


def note(sock: Any) -> None:
    """Register the socket of this thread's transfer before reading from it."""
    transfer = getattr(_local, "transfer", None)
    if transfer is not None:
        transfer.sock = sock


def aborted() -> bool:
    """Return whether this thread's transfer was aborted because it is too slow."""
    transfer = getattr(_local, "transfer", None)
    return transfer is not None and transfer.slow


def too_slow() -> str:
    """Return the error message for a transfer that was aborted."""
    return f"slower than {BYTES} bytes in {SECONDS:.0f} seconds"


class WatchedTransfer:
    """One request in flight."""

    def __init__(self, limit: float):
        self.sock: socket.socket | None = None
        self.slow = False
        self._limit = limit
        self._bytes = 0
        self._since = time.monotonic()

    def start(self) -> None:
        """Start the measurement of the body."""
        self._limit, self._bytes, self._since = SECONDS, 0, time.monotonic()

    def moved(self, count: int) -> None:
        """Count received bytes."""
        self._bytes += count
        if self._bytes >= BYTES:
            self._bytes, self._since = 0, time.monotonic()

    def look(self) -> None:
        """Abort the transfer if it is too slow; called from the watching thread."""
        if time.monotonic() - self._since > self._limit and self.sock is not None and not self.slow:
            self.slow = True
            with suppress(OSError):  # the transfer has ended
                # Wakes the reading thread, which closes the TLS session.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class Pace:
    """Watches the transfers of one fetcher, in a thread that runs as long as there are any."""

    def __init__(self, timeout: float):
        """timeout: seconds for the host to respond, in addition to those for the first part of the body."""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._transfers: set[WatchedTransfer] = set()
        self._watching = False

    def begin(self) -> WatchedTransfer:
        """Start watching this thread's transfer, until ``end``."""
        transfer = WatchedTransfer(SECONDS + self._timeout)
        with self._lock:
            self._transfers.add(transfer)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="pypimirror-pace", daemon=True).start()
        _local.transfer = transfer
        return transfer

    def end(self, transfer: WatchedTransfer) -> None:
        """Stop watching the transfer."""
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
