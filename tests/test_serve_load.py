"""The server among clients that are slow, many, rude or gone."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
import tree
from pypimirror.serve.connections import origin
from servers import ask

MEGABYTE = 1 << 20
LARGE = 24 * MEGABYTE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mirror"
    tree.publish(root, {"demo": [tree.wheel("demo", "1.0")]})
    (root / "demo" / "large-1.0.tar.gz").write_bytes(os.urandom(LARGE))
    return root


class Served:
    """A server as a process, with a limit on open files, and its clients."""

    def __init__(self, port: int, pid: int, log: Path):
        self.address = f"http://127.0.0.1:{port}"
        self._port, self._pid, self._log = port, pid, log
        self.clients: list[socket.socket] = []

    def connect(self, request: bytes, buffer: int = 0, source: str = "127.0.0.1") -> socket.socket:
        client = socket.socket()
        self.clients.append(client)
        client.bind((source, 0))
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(servers.PATIENCE)
        client.connect(("127.0.0.1", self._port))
        client.sendall(request)
        return client

    def hang_up(self) -> None:
        while self.clients:
            self.clients.pop().close()

    def memory(self) -> int:
        """Return bytes."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) << 10  # type: ignore[index]

    def files(self) -> int:
        return len(os.listdir(f"/proc/{self._pid}/fd"))

    def said(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def server(root: Path, log: Path, files: int) -> Iterator[Served]:
    port = servers.free_port()
    code = (f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({min(files, 256)}, {files}))\n"
            f"from pypimirror.serve.server import run\nraise SystemExit(run({str(root)!r}, port={port}))")
    with servers.running(sys.executable, "-c", code, log=log) as process:
        servers.wait_for(process, port, log)
        served = Served(port, process.pid, log)
        try:
            yield served
            assert process.poll() is None
        finally:
            served.hang_up()


@pytest.fixture
def served(root: Path, tmp_path: Path) -> Iterator[Served]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with server(root, tmp_path / "log", 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)) as served:
        yield served
        assert "Traceback" not in served.said()


GET = b"GET /demo/large-1.0.tar.gz HTTP/1.1\r\nHost: mirror\r\n\r\n"


def test_clients_that_read_slowly_hold_up_nobody_and_take_little_memory(served: Served) -> None:
    before = served.memory()
    for _ in range(100):
        assert served.connect(GET, 4096).recv(12) == b"HTTP/1.1 200"
    for _ in range(20):
        assert ask(served.address, "/demo/").status == 200
    assert served.memory() - before < 100 * MEGABYTE < 100 * LARGE // 2


def test_requests_that_are_never_finished_hold_up_nobody(served: Served) -> None:
    for request in (b"", b"G", b"GET /demo/ HTTP/1.1\r\n", b"GET /demo/ HTTP/1.1\r\nX: ",
                    b"GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"):
        for _ in range(60):
            served.connect(request)
    for _ in range(20):
        assert ask(served.address, "/demo/").status == 200


def test_more_clients_than_there_can_be_files_wait_for_their_turn(root: Path, tmp_path: Path) -> None:
    with server(root, tmp_path / "log", 256) as served:
        for _ in range(300):
            served.connect(b"GET /demo/ HTTP/1.1\r\n")
        late = served.connect(b"GET /demo/ HTTP/1.0\r\n\r\n")
        for client in served.clients[:200]:
            client.close()
        assert late.recv(12) in (b"HTTP/1.0 200", b"HTTP/1.1 200")
        assert served.files() <= 256
        served.hang_up()
        assert ask(served.address, "/demo/").status == 200
        assert "Traceback" not in served.said() and "Too many open files" not in served.said()


def test_slow_clients_of_one_address_lock_out_no_other(root: Path, tmp_path: Path) -> None:
    with server(root, tmp_path / "log", 256) as served:
        try:
            for number in range(300):
                served.connect((b"", b"G", b"GET /demo/ HTTP/1.1\r\n")[number % 3], source="127.0.0.2")
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                pytest.skip("this system has one loopback address only")
            raise
        for _ in range(20):
            assert ask(served.address, "/demo/").status == 200
        # Nor itself: its newest request counts, those that waited longest are given up.
        late = served.connect(b"GET /demo/ HTTP/1.0\r\n\r\n", source="127.0.0.2")
        assert late.recv(12) in (b"HTTP/1.0 200", b"HTTP/1.1 200")
        assert served.files() <= 100
        assert "Traceback" not in served.said() and "connection limit" not in served.said()


def test_an_address_that_works_with_all_it_may_have_loses_none_of_these(root: Path, tmp_path: Path) -> None:
    with server(root, tmp_path / "log", 256) as served:
        busy = [served.connect(GET, 4096) for _ in range(27)]
        for client in busy:
            assert client.recv(12) == b"HTTP/1.1 200"
        more = served.connect(b"")
        assert more.recv(1) == b""  # closed
        for client in busy:
            assert client.recv(4096)


def test_connections_are_counted_by_the_networks_of_ipv6() -> None:
    assert len({origin(one) for one in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")}) == 2
    assert origin("127.0.0.1") != origin("127.0.0.2")
    assert origin("fe80::1%eth0") == origin("fe80::2%eth1")


def test_many_clients_at_once_all_get_the_whole_file(served: Served, root: Path) -> None:
    body = (root / "demo" / "large-1.0.tar.gz").read_bytes()
    right: list[bool] = []

    def fetch() -> None:
        right.append(ask(served.address, "/demo/large-1.0.tar.gz").body == body)

    threads = [threading.Thread(target=fetch) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 24


def test_clients_that_go_away_in_the_middle_leave_nothing_open(served: Served) -> None:
    before = served.files()
    for _ in range(50):
        client = served.connect(GET, 4096)
        client.recv(100)
        client.close()
    for _ in range(100):
        if served.files() <= before + 8:
            break
        ask(served.address, "/demo/")
    assert served.files() <= before + 8
    assert ask(served.address, "/demo/").status == 200


@pytest.mark.parametrize(("request_", "status"), [
    (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9000, 431), (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000, 431),
    (b"GET /" + b"y" * 40_000, 431), (b"GET /demo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"GET /demo/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET /demo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"GET /demo/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: strange\r\n\r\n", 501),
    (b"GET /demo/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"y" * 90_000, 413),
    (b"GET /demo/ HTTP/1.1\r\nHost : x\r\n\r\n", 400), (b"GET /demo/ HTTP/1.1\r\n X: y\r\n\r\n", 400),
    (b"GET\x00/demo/ HTTP/1.1\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400)])
def test_requests_that_are_too_large_or_none_are_refused(served: Served, request_: bytes, status: int) -> None:
    client = served.connect(b"")
    with contextlib.suppress(OSError):  # it need not read to the end
        client.sendall(request_)
    assert client.recv(12)[9:] == str(status).encode()
    assert ask(served.address, "/demo/").status == 200


def test_requests_behind_each_other_on_one_connection_are_answered_in_order(served: Served) -> None:
    client = served.connect(b"HEAD /demo/ HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere/ HTTP/1.1\r\nHost: x\r\n\r\n"
                            b"GET /demo/large-1.0.tar.gz HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\n"
                            b"GET /demo/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = b""
    while block := client.recv(1 << 16):
        answer += block
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"404", b"206", b"200"]
