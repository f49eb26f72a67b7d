"""Connections for requests that register with ``pace`` and check the peer's address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..errors import FetchError
from . import pace, ssrf


class _Noted:
    """Registers its socket with the transfer of its thread before reading.

    Checks the peer's address before sending anything.
    """

    sock: Any
    host: str

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        try:
            ssrf.check_peer(self.host, str(sock.getpeername()[0]))
        except (OSError, FetchError):
            sock.close()
            raise
        return sock

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        pace.note(self.sock)
        return super().getresponse(*arguments, **options)  # type: ignore[misc]


class _Connection(_Noted, HTTPConnection):
    pass


class _SecureConnection(_Noted, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


#: The connection pools, by scheme.
POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _SecurePool}
