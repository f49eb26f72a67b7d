"""Runs a command in a network namespace whose only way out is a proxy behind a socket in the file system.

A separate script: ``python -I relay.py SOCKET COMMAND ...``. Sets the variables that name a proxy.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_BLOCK = 1 << 16


def main(path: str, *command: str) -> int:
    """Return the exit status of the command. path: of the socket."""
    _start_loopback()
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_relay_connections, args=(server, path), daemon=True).start()
    proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
    environ = {**os.environ, **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy)}
    return subprocess.call(command, env=environ)


def _start_loopback() -> None:
    """Start the interface ``lo``, which is down in a new namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _relay_connections(server: socket.socket, path: str) -> None:
    """Relay each connection to the socket of the proxy."""
    while True:
        client, _ = server.accept()
        way = socket.socket(socket.AF_UNIX)
        try:
            way.connect(path)
        except OSError:
            client.close()
            continue
        for one, other in ((client, way), (way, client)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while block := source.recv(_BLOCK):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
