"""Limits the connections of one client address, for waitress."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

#: Each address may hold this fraction (one of so many) of all connections.
SHARE = 4
#: Bits of the network prefix of an IPv6 address; a client can choose the others freely.
_NETWORK = 64


class Parser(HTTPRequestParser):
    """Parses requests; reports an invalid URL as a client error (400)."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # from urlsplit, as for brackets without an address
            raise ParsingError("Bad URI") from error


class Channel(HTTPChannel):
    """One connection."""

    parser_class = Parser


class ConnectionLimiter:
    """Accepts connections up to a limit per address; waitress calls it instead of its channel class.

    At the limit, the oldest idle connection of the same address is closed; if none is idle, the new one is closed. Slow clients
    therefore block only themselves, and the active connections of a reverse proxy are kept.
    """

    def __init__(self, servers: Iterable[Any], most: int):
        """servers: the listening waitress servers, which share the limit. most: connections per address."""
        self._servers = list(servers)
        self._most = most
        for server in self._servers:
            server.channel_class = self

    def __call__(self, server: Any, connection: Any, address: Any, adjustments: Any, map: dict[int, Any]) -> None:
        client = origin(address[0])
        held = [channel for one in self._servers for channel in one.active_channels.values()
                if not channel.will_close and origin(channel.addr[0]) == client]
        if len(held) >= self._most:
            idle = [channel for channel in held if not (channel.requests or channel.total_outbufs_len)]
            if not idle:
                connection.close()
                return
            min(idle, key=lambda channel: channel.creation_time).will_close = True
        Channel(server, connection, address, adjustments, map=map)


def origin(address: str) -> str:
    """Return the identity of a client: its IPv4 address, or the network of its IPv6 address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _NETWORK), strict=False))
    except ValueError:
        return address
