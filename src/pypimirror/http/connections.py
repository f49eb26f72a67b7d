"""The connections of requests, so that they can be watched (see ``pace``) and that where they lead to is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..errors import FetchError
from . import pace, ssrf


class _Noted:
    """A connection that registers its socket with the transfer of its thread, before it is read.

    Where it leads to is looked at before anything is sent.
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


#: The pools of such connections, by the scheme of what they are for.
POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _SecurePool}
