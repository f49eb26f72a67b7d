"""A proxy that connects to one host, and refuses and records everything else."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

from ...http.hosts import PORTS, normalize_host
from ...names import shown

_BLOCK = 1 << 16
#: Bytes of a request's head.
_MAX_HEAD = 1 << 16
#: Headers between a client and its proxy (RFC 9110, 7.6.1).
_HOP = (b"proxy-", b"connection:", b"keep-alive:")
_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RecordingProxy:
    """An HTTP proxy in a thread: ``CONNECT`` and absolute URLs, one request for each connection.

    Listens on a port of loopback, and on a socket in the file system for clients in another network namespace.
    """

    def __init__(self, allowed: str, socket_path: str):
        """allowed: the URL of the only host to connect to. Raises ValueError."""
        parts = urlsplit(allowed)
        self._host = normalize_host(parts.hostname or "")
        self._port = parts.port or PORTS.get(parts.scheme, 0)
        self._socket_path = socket_path
        #: What was refused, by method and host or URL.
        self.refused: Counter[str] = Counter()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> RecordingProxy:
        self._thread.start()
        self._run_in_loop(self._start())
        return self

    def __exit__(self, *exc: object) -> None:
        self._run_in_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run_in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the loop of the thread, and wait for it."""

        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _start(self) -> None:
        self._servers = [await asyncio.start_server(self._handle_connection, "127.0.0.1", 0, limit=_MAX_HEAD),
                         await asyncio.start_unix_server(self._handle_connection, self._socket_path, limit=_MAX_HEAD)]
        self.port = self._servers[0].sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one request to the mirror; count and refuse one to any other host."""
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            line, *headers = head[:-4].split(b"\r\n")
            method, _, rest = line.decode("latin-1").partition(" ")
            target = rest.partition(" ")[0]
            if not self._is_for_mirror(method, target):
                self.refused[shown(f"{method} {target}", 300)] += 1
                writer.write(_REFUSED)
                await writer.drain()
                return
            there, back = await asyncio.open_connection(self._host, self._port)
            with contextlib.closing(back):
                if method == "CONNECT":
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    back.write(_forwarded_head(method, target, headers))
                await _copy_both_ways((reader, back), (there, writer))

    def _is_for_mirror(self, method: str, target: str) -> bool:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        try:
            port = parts.port or PORTS.get(parts.scheme, 0)
            return (normalize_host(parts.hostname or ""), port) == (self._host, self._port)
        except ValueError:
            return False


def _forwarded_head(method: str, target: str, headers: list[bytes]) -> bytes:
    """Return the head of a request for the mirror, which closes the connection after its response."""
    path = target.partition("://")[2]
    path = path[path.index("/"):] if "/" in path else "/"
    kept = [header for header in headers if not header.lower().startswith(_HOP)]
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode("latin-1"), *kept, b"Connection: close", b"", b""])


async def _copy_both_ways(*pairs: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Copy in both directions until one side ends."""
    tasks = [asyncio.ensure_future(_copy(*pair)) for pair in pairs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(_BLOCK):
        writer.write(block)
        await writer.drain()
