"""Proxies on loopback that tunnel: CONNECT (RFC 9110, 9.3.6) and SOCKS 5 (RFC 1928, RFC 1929)."""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: Names that the proxies alone know, and the address that each means.
NAMES = {"known-to-the-proxy.example.com": "127.0.0.1"}


class Tunnels(list[tuple[str, str]]):
    """Hosts with ports that tunnels were opened to, each with the credentials that were sent, or an empty text."""


@contextlib.contextmanager
def connect_proxy(status: int = 200) -> Iterator[tuple[str, Tunnels]]:
    """Run a proxy for CONNECT; return its URL and the tunnels. status: what it answers."""
    tunnels = Tunnels()

    def handle(connection: socket.socket) -> None:
        reader = connection.makefile("rb", buffering=0)
        target = reader.readline().split()[1].decode()
        credentials = ""
        while line := reader.readline().strip():
            name, _, value = line.decode().partition(":")
            credentials = value.strip() if name.lower() == "proxy-authorization" else credentials
        tunnels.append((target, credentials))
        connection.sendall(b"HTTP/1.1 %d Answer\r\nX-Proxy: 1\r\n\r\n" % status)
        if status == 200:
            host, _, port = target.rpartition(":")
            forward(connection, host, int(port))

    with serving(handle) as port:
        yield f"http://127.0.0.1:{port}", tunnels


@contextlib.contextmanager
def socks_proxy() -> Iterator[tuple[int, Tunnels]]:
    """Run a SOCKS 5 proxy, with or without a password; return its port and the tunnels."""
    tunnels = Tunnels()

    def handle(connection: socket.socket) -> None:
        def read(count: int) -> bytes:
            return connection.recv(count, socket.MSG_WAITALL)

        credentials = ""
        methods = read(read(2)[1])
        if 2 in methods:
            connection.sendall(b"\x05\x02")
            user = read(read(2)[1])
            credentials = (user + b":" + read(read(1)[0])).decode()
            connection.sendall(b"\x01\x00")
        else:
            connection.sendall(b"\x05\x00")
        kind = read(4)[3]
        host = socket.inet_ntoa(read(4)) if kind == 1 else read(read(1)[0]).decode()
        port = int.from_bytes(read(2), "big")
        tunnels.append((f"{host}:{port}", credentials))
        connection.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        forward(connection, host, port)

    with serving(handle) as port:
        yield port, tunnels


@contextlib.contextmanager
def serving(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server whose connections are handled by a function; return its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, IndexError):
                handle(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def forward(connection: socket.socket, host: str, port: int) -> None:
    """Pass bytes in both directions until one side closes."""
    with socket.create_connection((NAMES.get(host, host), port), 10) as other, selectors.DefaultSelector() as selector:
        pairs: dict[Any, socket.socket] = {connection: other, other: connection}
        for sock in pairs:
            selector.register(sock, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(30):
                block = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                if not block:
                    return
                pairs[key.fileobj].sendall(block)
