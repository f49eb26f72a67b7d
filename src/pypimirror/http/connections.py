"""Connections for requests that register with ``pace`` and check the peer's address."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError
from urllib3.util.retry import Retry

from ..errors import FetchError
from . import pace, ssrf


class _ClosedWhileIdle(ConnectionError):
    """The server closed a reused connection before it sent anything for the request."""


class Resend(Retry):
    """Sends a request again, on another connection, where the reused one had been closed (RFC 9112, 9.3.1)."""

    def increment(self, method: str | None = None, url: str | None = None, response: Any = None,
                  error: Exception | None = None, *arguments: Any, **options: Any) -> Resend:
        if isinstance(error, ProtocolError) and isinstance(error.args[-1], _ClosedWhileIdle):
            return self
        return super().increment(method, url, response, error, *arguments, **options)


class _WatchedConnection:
    """A connection whose socket the transfer of its thread can close, if the response stalls.

    Checks the peer's address before sending anything.
    """

    sock: Any
    host: str
    #: Whether a response has come on this connection.
    _answered = False

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        try:
            ssrf.check_peer(self.host, str(sock.getpeername()[0]))
        except (OSError, FetchError):
            sock.close()
            raise
        self._answered = False
        return sock

    def request(self, *arguments: Any, **options: Any) -> None:
        with self._translate_closed():
            super().request(*arguments, **options)  # type: ignore[misc]

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        pace.note(self.sock)
        with self._translate_closed():
            response = super().getresponse(*arguments, **options)  # type: ignore[misc]
        self._answered = True
        return response

    @contextlib.contextmanager
    def _translate_closed(self) -> Iterator[None]:
        try:
            yield
        except ConnectionError as error:  # RemoteDisconnected if not one byte has come
            if pace.aborted() or not self._answered:
                raise
            raise _ClosedWhileIdle(*error.args) from error


class _Connection(_WatchedConnection, HTTPConnection):
    pass


class _SecureConnection(_WatchedConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


#: The connection pools, by scheme.
POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _SecurePool}
