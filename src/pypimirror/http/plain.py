"""Plain requests, by http.client alone: a URL and headers, nothing to be looked up."""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from io import BufferedReader, RawIOBase
from threading import Lock
from typing import Any, NamedTuple

from .. import __version__
from ..errors import FetchError
from ..interfaces import ISettings
from . import pace, ssrf, tls
from .decoders import NAMES, unpacked
from .heads import Response
from .translate_error import failure

AGENT = f"z3c.recipe.pypimirror/{__version__}"
#: Those that requests would send.
HEADERS = {"User-Agent": AGENT, "Accept": "*/*", "Connection": "keep-alive"}
#: Bytes of a body that are read at once.
BLOCK = 1 << 16
_ERRORS = (OSError, http.client.HTTPException, ValueError)
#: What is said of a call that the system ended, and of those that Python did.
_LATE = "timed out"
#: What a connection says that was closed since it was last used (RFC 9112, 9.3.1).
_STALE = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_PORTS = {"http": http.client.HTTP_PORT, "https": http.client.HTTPS_PORT}


class Plain:
    """What all threads have in common that send plain requests."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._lock = Lock()

    def way(self, origin: str, headers: Mapping[str, str] = HEADERS) -> Way:
        """Return a new way to a plain URL's scheme and host.

        headers: for all requests.
        """
        scheme, _, address = origin.partition("://")
        host, _, port = address.partition(":")
        usual = _PORTS[scheme]
        number = int(port or usual)
        connection = _Connection(host, number, self._settings["timeout"], self._secured if scheme == "https" else None)
        return Way(connection, {"Host": host if number == usual else address, **headers})

    def _secured(self, sock: socket.socket, host: str) -> socket.socket:
        with self._lock:  # to read the authorities takes as long as some twenty small files
            context = self._context
        return context.wrap_socket(sock, server_hostname=host)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return tls.context(self._settings)


class Way(NamedTuple):
    """How a thread sends plain requests to one host."""

    connection: _Connection
    headers: Mapping[str, str]

    def sent(self, url: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Send a GET; once more if its connection had been used before and turns out to be closed. Raises FetchError."""
        connection, wanted = self.connection, {**self.headers, **headers}
        try:
            if connection.is_ready():
                try:
                    return connection.asked(url, path, wanted)
                except _STALE:
                    if pace.ended():
                        raise
            return connection.asked(url, path, wanted)
        except _ERRORS as error:
            raise _failure(url, error) from error


class Answer(Response):
    """What a plain request brought."""

    connection: _Connection
    url: str

    def blocks(self, encoding: str) -> Iterator[bytes]:
        """Yield the body; decode it if requested and the encoding is one of ``packed``. Raises FetchError."""
        return unpacked(self._blocks(), encoding, self.url) if encoding in NAMES else self._blocks()

    def _blocks(self) -> Iterator[bytes]:
        while True:
            try:
                block = self.read(BLOCK)
                if not block:
                    if self.length:
                        raise http.client.IncompleteRead(b"")
                    return
            except _ERRORS as error:
                self.connection.close()
                raise _failure(self.url, error) from error
            yield block

    def finish(self) -> None:
        """Have the connection ready for the next request, or close it: where not all was read, or more came than that."""
        if self.will_close or self.status < 200 or not self.isclosed() or not self.connection.stream.is_empty():
            self.connection.close()


class _Wire(RawIOBase):
    """What comes from a socket; nothing while it is ``closed_off``."""

    def __init__(self, sock: socket.socket):
        self._sock = sock
        self.closed_off = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.closed_off:
            return None
        try:
            return self._sock.recv_into(buffer)
        except BlockingIOError:
            raise TimeoutError(_LATE) from None


class _Stream(BufferedReader):
    """The answers that come over a connection, one after the other: none of them closes it."""

    def __init__(self, wire: _Wire):
        super().__init__(wire, BLOCK)
        self._wire = wire

    def is_empty(self) -> bool:
        """Whether all that was received has been read."""
        self._wire.closed_off = True
        try:
            return not self.peek()
        finally:
            self._wire.closed_off = False

    def close(self) -> None:
        pass


class _Connection:
    """A connection to one host. Where it leads to is looked at before anything is sent; its transfers are watched."""

    def __init__(self, host: str, port: int, timeout: float, secured: Callable[[socket.socket, str], socket.socket] | None):
        """secured: makes TLS of a connection to a host, or None."""
        self._host = host
        self._port = port
        self._timeout = timeout
        self._secured = secured
        self.sock: socket.socket | None = None
        self.stream: _Stream

    def makefile(self, mode: str) -> BufferedReader:
        """Return the stream that http.client reads the response from."""
        return self.stream

    def is_ready(self) -> bool:
        """Whether it is open and quiet; what came unasked would be taken for the next answer, so it is closed then."""
        if self.sock is not None and _has_news(self.sock):
            self.close()
        return self.sock is not None

    def asked(self, url: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Send a GET and return the answer, its head read. Raises OSError, HTTPException, ValueError, FetchError."""
        lines = "\r\n".join([f"GET {path} HTTP/1.1", *map(": ".join, headers.items()), "\r\n"]).encode("iso-8859-1")
        if lines.count(b"\r") != len(headers) + 2 or lines.count(b"\n") != len(headers) + 2:
            raise ValueError("a header with more than one line")
        sock = self.sock or self._opened()
        try:
            sock.sendall(lines)
            pace.note(sock)
            answer = Answer(self, method="GET")  # type: ignore[arg-type]
            answer.begin()
        except BlockingIOError:
            self.close()
            raise TimeoutError(_LATE) from None
        except BaseException:
            self.close()
            raise
        answer.connection, answer.url = self, url
        return answer

    def _opened(self) -> socket.socket:
        sock = socket.create_connection((self._host, self._port), self._timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ssrf.check_peer(self._host, str(sock.getpeername()[0]))
            if self._secured is not None:
                sock = self._secured(sock, self._host)
            else:
                _leave_waiting_to_the_system(sock, self._timeout)
        except BaseException:
            sock.close()
            raise
        self.stream = _Stream(_Wire(sock))
        self.sock = sock
        return sock

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None


def _has_news(sock: socket.socket) -> bool:
    """Whether something came that has not been read, or the other side has closed it."""
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    if os.name != "posix":
        return bool(select.select((sock,), (), (), 0)[0])
    poll = select.poll()  # select can't look at all of many
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _leave_waiting_to_the_system(sock: socket.socket, timeout: float) -> None:
    """Have the system end calls that wait too long (socket(7)); Python would ask it before each call whether that will wait."""
    if os.name != "posix":
        return
    seconds, rest = divmod(timeout, 1)
    limit = struct.pack("@ll", int(seconds), int(rest * 1_000_000))
    try:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, limit)
    except OSError:
        return  # a system that has other times in its calls
    sock.settimeout(None)


def _failure(url: str, error: Exception) -> FetchError:
    return failure(url, error, isinstance(error, OSError | http.client.HTTPException) and not isinstance(error, ssl.SSLError))
