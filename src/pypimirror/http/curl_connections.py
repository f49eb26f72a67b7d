"""Finds idle connections with unread data, which libcurl would take for the next response.

libcurl closes a connection if it reads more than the response. It does not check for data that arrive later, such as status 408
before a server closes an idle connection.
"""

from __future__ import annotations

import select
from typing import Any

from .libcurl import pycurl

#: Peer address, local address, peer port, local port.
Addresses = tuple[str, str, int, int]


class Connections:
    """The sockets of HTTP/1 connections, by their endpoints."""

    def __init__(self) -> None:
        #: A socket is None until the end of its first transfer.
        self._sockets: dict[Addresses, int | None] = {}

    def is_clean(self, addresses: Addresses, secure: bool) -> bool:
        """Whether a connection can be reused: no unread data are pending.

        secure: whether it uses TLS, and may use HTTP/2, where frames may arrive at any time.
        """
        if addresses not in self._sockets:
            self._sockets[addresses] = None
            return True
        sock = self._sockets[addresses]
        clean = secure if sock is None else not _is_readable(sock)
        if not clean:
            del self._sockets[addresses]
        return clean

    def finished(self, addresses: Addresses, handle: Any) -> None:
        """Register the socket of a transfer that has ended, if the connection is kept."""
        sock = handle.getinfo(pycurl.ACTIVESOCKET)
        if sock < 0:
            self._sockets.pop(addresses, None)
        elif self._sockets.get(addresses) != sock and handle.getinfo(pycurl.INFO_HTTP_VERSION) <= pycurl.CURL_HTTP_VERSION_1_1:
            self._sockets[addresses] = sock


def _is_readable(sock: int) -> bool:
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    # A socket that was closed meanwhile: these are the addresses of a new connection.
    return any(not event & select.POLLNVAL for _, event in waiting.poll(0))
