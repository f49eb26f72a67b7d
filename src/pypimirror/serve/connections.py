"""Bounds on what one client may hold of the server: connections by address, for waitress."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

#: An address may hold one connection of so many.
SHARE = 4
#: Bits of an IPv6 address that name a network; a client picks the rest as it likes.
_NETWORK = 64


class Parser(HTTPRequestParser):
    """Parses requests; a target that is no URL is the client's mistake."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # of urlsplit, as for brackets without an address
            raise ParsingError("Bad URI") from error


class Channel(HTTPChannel):
    """One connection."""

    parser_class = Parser


class Doorkeeper:
    """Accepts connections, up to a number from one address; waitress calls it in place of its channel class.

    An address that has its share gives up the oldest of its connections that waits for a request; if none does, the new one is
    closed. So slow clients lock out nobody but themselves, and a proxy in front of the server keeps what it works with.
    """

    def __init__(self, servers: Iterable[Any], most: int):
        """servers: those of waitress that listen; they share the bound. most: connections from one address."""
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
    """Return what counts as one client: an IPv4 address, or the network of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _NETWORK), strict=False))
    except ValueError:
        return address
