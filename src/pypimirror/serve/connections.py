"""Limits the connections of one client address, and their time, for waitress."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .channel import Channel

#: Each address may hold this fraction (one of so many) of all connections.
SHARE = 4
#: Bits of the network prefix of an IPv6 address; a client can choose the others freely.
_NETWORK = 64


class ConnectionLimiter:
    """Accepts connections up to a limit per address; waitress calls it instead of its channel class.

    At the limit, the oldest idle connection of the same address is closed; if none is idle, the new one is closed. Slow clients
    therefore block only themselves, and the active connections of a reverse proxy are kept.
    """

    def __init__(self, servers: Iterable[Any], most: int, clock: Callable[[], float] = time.monotonic):
        """servers: the listening waitress servers, which share the limit. most: connections per address."""
        self._servers = list(servers)
        self._most = most
        self._clock = clock
        for server in self._servers:
            server.channel_class = self
            server.add_task = partial(_add_task, server)
            server.maintenance = partial(_close_overdue, server)

    def __call__(self, server: Any, connection: Any, address: Any, adjustments: Any, map: dict[int, Any]) -> None:
        client = client_identity(address[0])
        held = [channel for one in self._servers for channel in one.active_channels.values()
                if not channel.will_close and client_identity(channel.addr[0]) == client]
        if len(held) >= self._most:
            idle = [channel for channel in held if not (channel.requests or channel.total_outbufs_len)]
            if not idle:
                connection.close()
                return
            min(idle, key=lambda channel: channel.creation_time).hang_up()
        Channel(server, connection, address, adjustments, map, self._clock)


def _add_task(server: Any, channel: Channel) -> None:
    """Start the next request of a connection, or have it wait. It replaces a method of waitress."""
    if not channel.defer():
        server.task_dispatcher.add_task(channel)


def _close_overdue(server: Any, now: float) -> None:
    """Close the connections of clients that are too slow. waitress calls this every ``cleanup_interval`` seconds."""
    for channel in list(server.active_channels.values()):
        if not channel.will_close and channel.is_overdue():
            channel.hang_up()


def client_identity(address: str) -> str:
    """Return the identity of a client: its IPv4 address, or the network of its IPv6 address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _NETWORK), strict=False))
    except ValueError:
        return address
