"""The server among clients that are slow, many, rude or gone."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pypimirror.serve.channel import BYTES, PERIOD, REQUEST_SECONDS
from pypimirror.serve.connections import client_identity
from support import published_tree, servers
from support.servers import ask

MEGABYTE = 1 << 20
LARGE = 24 * MEGABYTE


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror that no test changes."""
    root = tmp_path_factory.mktemp("mirror")
    published_tree.publish(root, {"demo": [published_tree.wheel("demo", "1.0")]})
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

    def wait_until_closed(self, name: str) -> None:
        """Wait until the server has no file of this name open."""
        end = time.monotonic() + servers.PATIENCE
        while any(os.path.basename(found) == name for found in self._open_files()):
            assert time.monotonic() < end
            time.sleep(0.02)

    def _open_files(self) -> Iterator[str]:
        for path in Path(f"/proc/{self._pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(path)

    def said(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def server(root: Path, log: Path, files: int, clock: Path | None = None) -> Iterator[Served]:
    """clock: a file with the time by which the server measures slow clients."""
    port = servers.free_port()
    measured = "" if clock is None else f", clock=lambda: float(open({str(clock)!r}).read())"
    code = (f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({min(files, 256)}, {files}))\n"
            f"from pypimirror.serve import server\nserver._LOOK = 5 if {clock is None} else 0\n"
            f"raise SystemExit(server.run({str(root)!r}, port={port}{measured}))")
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


@pytest.fixture(scope="module")
def shared(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for tests that do not look at its memory or its open files."""
    with server(root, tmp_path_factory.mktemp("shared") / "log", 1024) as served:
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


class Timed:
    """A server with a clock that stands still until the test sets it."""

    def __init__(self, served: Served, clock: Path):
        self.served = served
        self._clock = clock
        self.now = 0
        self.others: list[socket.socket] = []

    def advance(self, seconds: int) -> None:
        new = self._clock.with_suffix(".new")
        self.now += seconds
        new.write_text(str(self.now))
        new.replace(self._clock)

    def look(self) -> None:
        """Advance so far that the server closes a connection that waits, and wait until it has."""
        idle = self.served.connect(b"")
        ask(self.served.address, "/demo/")  # a connection that is accepted later
        self.advance(REQUEST_SECONDS + 1)
        assert idle.recv(1) == b""


@pytest.fixture
def timed(root: Path, tmp_path: Path) -> Iterator[Timed]:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with server(root, tmp_path / "log", 1024, clock) as served:
        assert ask(served.address, "/demo/").status == 200
        yield Timed(served, clock)
        assert "Traceback" not in served.said()


def drained(client: socket.socket) -> int:
    """Return how many bytes a client still gets until its connection is closed."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while block := client.recv(1 << 16):
            count += len(block)
    return count


@pytest.mark.parametrize("start", [
    b"", b"G", b"GET /demo/ HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nContent-Length: 999\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET /demo/ HTTP/1.1\r\nHost: x\r\n\r\nGET /"])
@pytest.mark.heavy
def test_a_request_has_its_time_however_it_drips(timed: Timed, start: bytes) -> None:
    slow = timed.served.connect(start)
    with contextlib.suppress(ConnectionError):
        for _ in range(4):
            timed.advance(REQUEST_SECONDS // 3)
            slow.sendall(b"1")
    timed.look()
    assert drained(slow) < 1000


def test_a_client_that_reads_nothing_is_given_up(timed: Timed) -> None:
    slow = [timed.served.connect(GET * count, 4096) for count in (1, 1, 3)]
    for client in slow:
        assert client.recv(12) == b"HTTP/1.1 200"
    timed.look()  # from now on, at the latest, it is measured
    timed.look()
    timed.served.wait_until_closed("large-1.0.tar.gz")
    assert all(drained(client) < LARGE // 2 for client in slow)


def test_a_client_that_reads_a_byte_now_and_then_is_given_up(timed: Timed) -> None:
    slow = timed.served.connect(GET, 4096)
    timed.look()
    for _ in range(4):
        timed.advance(PERIOD // 3)
        assert slow.recv(9)
    timed.look()
    assert drained(slow) < LARGE // 2


def test_clients_that_are_slow_but_not_too_slow_are_kept(timed: Timed, root: Path) -> None:
    reading = timed.served.connect(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), 4096)
    asking = http.client.HTTPConnection(urlsplit(timed.served.address).netloc, timeout=servers.PATIENCE)
    got = bytearray()
    for _ in range(12):
        timed.advance(PERIOD // 2 - 1)
        enough = len(got) + 2 * BYTES  # the system asks for more only after a megabyte
        while len(got) < enough:
            block = reading.recv(1 << 16)
            assert block
            got += block
        asking.request("GET", "/demo/")
        connected = asking.sock
        assert asking.getresponse().read().startswith(b"<!DOCTYPE html>")
        assert asking.sock is connected
    while block := reading.recv(1 << 16):
        got += block
    assert bytes(got).partition(b"\r\n\r\n")[2] == (root / "demo" / "large-1.0.tar.gz").read_bytes()
    asking.close()


def test_requests_sent_without_waiting_hold_up_no_thread_and_open_no_files(served: Served) -> None:
    before = served.files()
    for _ in range(20):
        assert served.connect(GET * 40, 4096).recv(12) == b"HTTP/1.1 200"
    for _ in range(20):
        assert ask(served.address, "/demo/").status == 200
    assert served.files() <= before + 20 * 2 + 8


def test_requests_sent_without_waiting_are_all_answered(shared: Served, root: Path) -> None:
    body = (root / "demo" / "large-1.0.tar.gz").read_bytes()
    client = shared.connect(GET * 2 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    answer = bytearray()
    while block := client.recv(1 << 20):
        answer += block
    assert answer.count(body) == 3 and answer.count(b"HTTP/1.1 200 OK") == 3


def test_connections_are_counted_by_the_networks_of_ipv6() -> None:
    assert len({client_identity(one) for one in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")}) == 2
    assert client_identity("127.0.0.1") != client_identity("127.0.0.2")
    assert client_identity("fe80::1%eth0") == client_identity("fe80::2%eth1")


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
    (b"GET /demo/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + b"y" * 1_200_000, 413),
    (b"GET /demo/ HTTP/1.1\r\nHost : x\r\n\r\n", 400), (b"GET /demo/ HTTP/1.1\r\n X: y\r\n\r\n", 400),
    (b"GET\x00/demo/ HTTP/1.1\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400)])
def test_requests_that_are_too_large_or_none_are_refused(shared: Served, request_: bytes, status: int) -> None:
    client = shared.connect(b"")
    with contextlib.suppress(OSError):  # it need not read to the end
        client.sendall(request_)
    assert client.recv(12)[9:] == str(status).encode()
    assert ask(shared.address, "/demo/").status == 200


def test_requests_behind_each_other_on_one_connection_are_answered_in_order(shared: Served) -> None:
    client = shared.connect(b"HEAD /demo/ HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere/ HTTP/1.1\r\nHost: x\r\n\r\n"
                            b"GET /demo/large-1.0.tar.gz HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\n"
                            b"GET /demo/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = b""
    while block := client.recv(1 << 16):
        answer += block
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"404", b"206", b"200"]
