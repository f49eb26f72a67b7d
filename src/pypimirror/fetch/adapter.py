"""Requests' adapter with connections that can be watched (see ``pace``)."""

from __future__ import annotations

from typing import Any

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..errors import FetchError
from . import hosts, pace


class _Noted:
    """A connection that tells the transfer of its thread which socket it uses, before anything is read from it.

    Where it leads to is looked at before anything is sent.
    """

    sock: Any
    host: str

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        try:
            hosts.confirm(self.host, str(sock.getpeername()[0]))
        except (OSError, FetchError):
            sock.close()
            raise
        return sock

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        transfer = getattr(pace.local, "transfer", None)
        if transfer is not None:
            transfer.sock = self.sock
        return super().getresponse(*arguments, **options)  # type: ignore[misc]


class _Connection(_Noted, HTTPConnection):
    pass


class _SecureConnection(_Noted, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(requests.adapters.HTTPAdapter):
    """Requests' adapter with connections that can be watched."""

    _pools = {"http": _Pool, "https": _SecurePool}

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not str(proxy).lower().startswith("socks"):  # these have connections of their own
            manager.pool_classes_by_scheme = self._pools
        return manager
