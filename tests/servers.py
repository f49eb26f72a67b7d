"""Starts real servers of a published tree on loopback, each given back as its address and ended with the test."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

#: Seconds that a server may take to start or end on a busy machine.
PATIENCE = 60


class Reply(NamedTuple):
    """One answer, as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Reply:
    """Ask for a path exactly as it is written here. headers: with underscores for dashes. Nothing is followed or unpacked."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@contextlib.contextmanager
def running(*command: object, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the time of the block."""
    with log.open("wb") as stream:
        process = subprocess.Popen([str(word) for word in command], stdout=stream, stderr=subprocess.STDOUT,
                                   env={**os.environ, **(environ or {})})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    """Wait until something listens on the port and give its address."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return f"http://127.0.0.1:{port}"
        time.sleep(0.05)
    raise AssertionError(f"no server on port {port}: {log.read_text()}")


@contextlib.contextmanager
def serve(root: Path, log: Path) -> Iterator[str]:
    """Run our own server."""
    port = free_port()
    code = f"from pypimirror.serve.server import run; raise SystemExit(run({str(root)!r}, port={port}))"
    with running(sys.executable, "-c", code, log=log) as process:
        yield wait_for(process, port, log)


@contextlib.contextmanager
def bare_python(root: Path, log: Path) -> Iterator[str]:
    """Run ``python -m http.server``."""
    port = free_port()
    with running(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", root, port, log=log) as process:
        yield wait_for(process, port, log)
