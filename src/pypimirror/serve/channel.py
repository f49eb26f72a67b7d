"""Connections for waitress, with limits for clients that send or read slowly."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

#: Seconds in which a client has to send a whole request: from when it connects, or from when its last answer was sent.
REQUEST_SECONDS = 60
#: Bytes of an answer that a client has to take in each period of so many seconds.
PERIOD, BYTES = 60, 60_000


class Parser(HTTPRequestParser):
    """Parses requests; reports an invalid URL as a client error (400)."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # from urlsplit, as for brackets without an address
            raise ParsingError("Bad URI") from error


class Channel(HTTPChannel):
    """One connection.

    Further requests that a client sends without waiting are started only after the answer before them was sent: waitress would
    block a thread until the client reads, and open a file for each.
    """

    parser_class = Parser

    def __init__(self, server: Any, connection: socket.socket, address: Any, adjustments: Any, map: dict[int, Any],
                 clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        #: Since when the connection waits for a request.
        self._free_since = clock()
        #: Bytes passed to the system.
        self._passed = 0
        #: When the client had taken how many bytes.
        self._mark: tuple[float, int] | None = None
        self._is_deferred = False
        super().__init__(server, connection, address, adjustments, map=map)

    def send(self, data: bytes, do_close: bool = True) -> int:
        count: int = super().send(data, do_close=do_close)
        self._passed += count
        return count

    def defer(self) -> bool:
        """Return whether the next request has to wait until the answer before it was sent; it starts then."""
        self._is_deferred = self.total_outbufs_len > 0
        return self._is_deferred

    def writable(self) -> bool:
        return bool(self._is_deferred or super().writable())

    def handle_write(self) -> None:
        super().handle_write()
        if self._is_deferred and self.connected and not self.total_outbufs_len:
            self._is_deferred = False
            self.server.task_dispatcher.add_task(self)

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Never block a thread until a client reads."""

    def service(self) -> None:
        super().service()
        self._free_since = self._clock()

    def is_overdue(self) -> bool:
        """Return whether the client is too slow. The server calls this every few seconds."""
        now = self._clock()
        if self.total_outbufs_len:
            self._free_since = now
            taken = self._passed - _unsent_bytes(self.socket)
            if self._mark is None or taken - self._mark[1] >= BYTES:
                self._mark = now, taken
            return now - self._mark[0] > PERIOD
        self._mark = None
        return not self.requests and now - self._free_since > REQUEST_SECONDS

    def hang_up(self) -> None:
        """Close the connection. Shut down, it is writable for waitress even if the client reads nothing."""
        self.will_close = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        except (OSError, AttributeError):
            return  # closed by the client


def _unsent_bytes(connection: Any) -> int:
    """Return how many bytes the system still has to send: megabytes, for a client that is fast at first."""
    try:
        import fcntl
        import termios

        return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except (ImportError, AttributeError, OSError):
        return 0  # not known on this system
