"""Connections of the fetchers: reused, closed, never one answer taken for the next, and given up where a host drips."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http.cooperation import Loop
from pypimirror.model import Head
from support import http_faults
from support.certificates import SecureUpstream, authority
from support.fetchers import Body, failure, got, make, opened, run_in
from support.servers import answered_by
from support.upstream import Upstream

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("certificates"))


@contextlib.contextmanager
def answering(*requests: int) -> Iterator[tuple[str, list[int]]]:
    """A server that takes one connection after the other; each is closed without notice after so many answers.

    Yields its URL and the number of answers on each connection, -1 where the client keeps the connection for too long.
    """
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def answer() -> None:
            for count in requests:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(10)
                    taken.append(0)
                    try:
                        while connection.recv(1 << 16) and taken[-1] < count:
                            taken[-1] += 1
                            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    except TimeoutError:
                        taken[-1] = -1

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", taken
        thread.join()


def test_a_connection_that_upstream_closes_instead_of_an_answer_is_no_failure_that_stays(way: str) -> None:
    with answering(2, 1, 1) as (url, taken), opened(way) as fetcher:
        for _ in range(4):
            assert got(fetcher, url)[1] == b"ok"
        fetcher.close()
    assert taken == [2, 1, 1]


def test_an_upstream_that_answers_nothing_is_asked_once_more_on_a_new_connection(way: str) -> None:
    with answering(1, 0) as (url, taken), opened(way) as fetcher:
        got(fetcher, url)
        with pytest.raises(FetchError) as caught:
            got(fetcher, url)
    assert caught.value.transient
    assert taken == [1, 0]


@contextlib.contextmanager
def counting() -> Iterator[tuple[str, list[threading.Event]]]:
    """A server that keeps connections; for each there is an event that is set when the client has closed it.

    It answers ``x``, and redirects from ``/moved``.
    """
    closed: list[threading.Event] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle(self) -> None:
            event = threading.Event()
            closed.append(event)
            with suppress(OSError):  # reset, where more was sent than read
                super().handle()
            event.set()

        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/x")
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with answered_by(Handler) as address:
        yield address, closed


def test_connections_of_threads_are_reused_and_close_closes_all(way: str) -> None:
    def twice() -> None:
        for _ in range(2):
            assert got(made, f"{address}/x")[1] == b"x"

    with counting() as (address, closed):
        with opened(way) as made:
            twice()
            threads = [threading.Thread(target=twice) for _ in range(2 if way != "pycurl-loop" else 0)]
            for thread in threads:
                thread.start()
                thread.join()
            # With pycurl each thread has its own.
            assert len(closed) == (1 if way == "requests" else 1 + len(threads))
            # Connections of a thread that has ended may be closed already.
            assert not closed[0].is_set()
        assert all(event.wait(10) for event in closed)


@pytest.mark.parametrize("paths", [("moved", "x"), ("x", "moved", "x")])
def test_connections_of_redirects_are_closed(way: str, paths: tuple[str, ...]) -> None:
    with counting() as (address, closed):
        with opened(way) as made:
            for path in paths:
                assert got(made, f"{address}/{path}")[1] == b"x"
            assert not all(event.is_set() for event in closed)
        assert all(event.wait(10) for event in closed)


def test_transfers_of_a_loop_run_at_once_and_share_connections() -> None:
    fetcher = pytest.importorskip("pypimirror.http.pycurl_fetcher", exc_type=ImportError) and make("pycurl")
    with counting() as (address, closed):
        loop = Loop(fetcher.selector())
        for _ in range(2):
            found = run_in(loop, lambda: loop.each(lambda number: got(fetcher, f"{address}/{number}")[1], range(20), 4))
            assert found == [b"x"] * 20
        assert len(closed) <= 8
        loop.close()
        fetcher.close()
        assert all(event.wait(10) for event in closed)


# --- bytes that belong to no answer


def sending(data: bytes) -> type[BaseHTTPRequestHandler]:
    """Return a handler that sends the same data for each request of a connection."""
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while self.rfile.readline().strip():
                    while self.rfile.readline().strip():
                        pass
                    self.wfile.write(data)

    return Handler


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x", b"\r\n",
                                  b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil" * 100])
@pytest.mark.parametrize("answer", [GOOD, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n"],
                         ids=["length", "chunked"])
def test_bytes_after_an_answer_are_not_the_next_one(way: str, answer: bytes, more: bytes) -> None:
    with answered_by(sending(answer + more)) as address, opened(way) as made:
        assert [got(made, f"{address}/x")[1] for _ in range(3)] == [b"good"] * 3


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x"])
def test_records_of_tls_that_come_with_an_answer_are_not_the_next_one(way: str, more: bytes, folder: Path) -> None:
    """libcurl cannot know: OpenSSL has read them, too, and tells nobody. They come from the host that TLS vouches for."""
    def answer(handler: Any) -> None:
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # both come at once
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
        handler.wfile.flush()
        handler.wfile.write(more)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    with SecureUpstream(folder) as upstream, opened(way, ca_bundle=str(folder / "ca.pem")) as made:
        upstream.answers["/x"] = answer
        for _ in range(4):
            try:
                body = got(made, f"{upstream.host}/x")[1]
            except FetchError as error:
                assert error.transient and way != "requests"
            else:
                assert body == b"good" or (way != "requests" and body == more[-4:])


@pytest.mark.parametrize("head", [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
                                  b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
                                  b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"])
@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"evil"])
def test_the_body_of_an_answer_that_has_none_is_not_the_next_answer(way: str, head: bytes, more: bytes) -> None:
    with answered_by(sending(head + more)) as address, opened(way) as made:
        for _ in range(3):
            with suppress(FetchError):
                assert got(made, f"{address}/x")[1] == b""


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("more", [b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate", b"x", GOOD[:-4] + b"evil"])
def test_bytes_that_come_between_two_requests_are_no_answer(
        way: str, secure: bool, more: bytes, folder: Path, upstream: Upstream) -> None:
    go, sent = threading.Event(), threading.Event()

    def answer(handler: Any) -> None:
        handler.reply(200, {}, b"good")
        handler.wfile.flush()
        go.wait(10)
        with suppress(OSError):
            handler.wfile.write(more)
            handler.wfile.flush()
        sent.set()

    with SecureUpstream(folder) if secure else Upstream() as other, opened(way, ca_bundle=str(folder / "ca.pem")) as made:
        other._server.handle_error = lambda request, address: None  # type: ignore[method-assign]
        other.answers["/x"] = answer
        assert got(made, f"{other.host}/x")[1] == b"good"
        go.set()
        assert sent.wait(10)
        assert got(made, f"{other.host}/x")[1] == b"good"
        assert other.asked() == ["/x", "/x"]


def test_a_transfer_that_the_receiver_stopped_leaves_nothing_behind(way: str, upstream: Upstream) -> None:
    class Refusing(Body):
        def write(self, block: bytes) -> None:
            raise FetchError("x", "refused by the receiver")

    upstream._server.handle_error = lambda request, address: None  # type: ignore[method-assign]
    upstream.answers |= {"/large": (200, {}, b"evil" * 500_000), "/x": (200, {}, b"good")}
    with opened(way) as made:
        for _ in range(2):
            with pytest.raises(FetchError, match="refused by the receiver"):
                made.fetch(f"{upstream.host}/large", Refusing())
            assert got(made, f"{upstream.host}/x")[1] == b"good"


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), MemoryError("odd"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["start", "write"])
def test_an_exception_of_the_receiver_comes_out_as_it_is(
        way: str, error: BaseException, where: str, upstream: Upstream) -> None:
    def fail(*arguments: Any) -> None:
        raise error

    upstream.answers["/x"] = (200, {}, b"good")
    receiver = Body()
    setattr(receiver, where, fail)
    with opened(way) as made:
        with pytest.raises(type(error)) as caught:
            made.fetch(f"{upstream.host}/x", receiver)
        assert caught.value is error
        assert got(made, f"{upstream.host}/x")[1] == b"good"


@pytest.mark.parametrize("callback", ["_body", "_check_connection"])
@pytest.mark.parametrize("way", ["pycurl", "pycurl-loop"])
def test_ctrl_c_at_the_start_of_a_callback_is_not_lost(
        way: str, callback: str, unconfigured: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs signal handlers before the first line of a function, where nothing catches what they raise."""
    transfers = pytest.importorskip("pypimirror.http.curl_transfer", exc_type=ImportError)

    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(transfers.Transfer, callback, interrupted)
    upstream.answers["/x"] = (200, {}, b"x")
    with opened(way) as made, pytest.raises(KeyboardInterrupt):
        made.fetch(f"{upstream.host}/x", Body())


@pytest.mark.parametrize("method", ["is_clean", "finished"])
@pytest.mark.parametrize("way", ["pycurl", "pycurl-loop"])
def test_an_exception_in_a_callback_of_libcurl_comes_out_as_it_is(
        way: str, method: str, unconfigured: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str]) -> None:
    connections = pytest.importorskip("pypimirror.http.curl_connections", exc_type=ImportError)
    error = MemoryError("odd")

    def fail(*arguments: Any) -> None:
        raise error

    upstream.answers["/x"] = (200, {}, b"good")
    with opened(way) as made:
        with monkeypatch.context() as patched:
            patched.setattr(connections.Connections, method, fail)
            with pytest.raises(MemoryError) as caught:
                made.fetch(f"{upstream.host}/x", Body())
        assert caught.value is error
        assert got(made, f"{upstream.host}/x")[1] == b"good"
    assert "Traceback" not in capfd.readouterr().err


# --- slow hosts

class Noting(Body):
    """Sets an event when the head has come."""

    def __init__(self, begun: threading.Event):
        super().__init__()
        self._begun = begun

    def start(self, head: Head) -> None:
        super().start(head)
        self._begun.set()


def send_drops(handler: Any, head: bytes, block: bytes, over: threading.Event, begun: threading.Event) -> None:
    """Send a head, and then a block again and again, until the client hangs up. begun: set with the first block."""
    handler.close_connection = True
    with suppress(OSError):
        handler.wfile.write(head)
        while not over.wait(0.01):
            handler.wfile.write(block)
            handler.wfile.flush()
            begun.set()


#: What comes before the drops, and each drop.
DRIPS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"), "header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"), "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status": (b"HTTP/1.1 ", b"2"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;", b"x"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 1000000\r\n\r\n", b"x")}


# libcurl reads an answer the same way in a thread and in a loop, and waits for its own clock, two seconds each: a body
# shows that both ways watch it.
@pytest.mark.parametrize(("way", "drip"), [("pycurl", "body"), *(("requests", drip) for drip in DRIPS)], indirect=["way"])
@pytest.mark.heavy
def test_a_host_that_drips_is_given_up(
        way: str, drip: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    head, block = DRIPS[drip]
    over, begun, sent = threading.Event(), threading.Event(), threading.Event()
    http_faults.minutes_pass(monkeypatch, begun.is_set)
    first = sent if b"\r\n\r\n" in head else begun
    upstream.answers |= {"/drip": lambda handler: send_drops(handler, head, block, over, first), "/y": (200, {}, b"y")}
    try:
        # libcurl has a clock of its own.
        with opened(way, timeout=2 if way != "requests" else 60) as made:
            upstream.answers["/x"] = (200, {}, b"x")
            got(made, f"{upstream.host}/x")
            started = time.monotonic()
            try:
                received = Noting(begun)
                made.fetch(f"{upstream.host}/drip", received)
                assert received.body == b"y" and b"302" in head
            except FetchError as error:
                assert error.transient and error.why
            assert time.monotonic() - started < 40
    finally:
        over.set()
    assert upstream.asked() == ["/x", "/drip", *(["/y"] if b"302" in head else [])]


@pytest.mark.heavy
def test_answers_that_drip_in_a_loop_are_given_up(upstream: Upstream) -> None:
    """All at once, since each takes the two seconds of libcurl's clock."""
    fetcher = pytest.importorskip("pypimirror.http.pycurl_fetcher", exc_type=ImportError) and make("pycurl", timeout=2)
    over, found = threading.Event(), {}

    def dripping(head: bytes, block: bytes) -> Any:
        return lambda handler: send_drops(handler, head, block, over, threading.Event())

    def fetch(drip: str) -> None:
        try:
            found[drip] = got(fetcher, f"{upstream.host}/{drip}")[1]
        except FetchError as error:
            assert error.transient and error.why
            found[drip] = b""

    upstream.answers |= {f"/{drip}": dripping(*DRIPS[drip]) for drip in DRIPS} | {"/y": (200, {}, b"y")}
    loop = Loop(fetcher.selector())
    started = time.monotonic()
    try:
        run_in(loop, lambda: loop.each(fetch, tuple(DRIPS), len(DRIPS)))
    finally:
        over.set()
        loop.close()
        fetcher.close()
    assert time.monotonic() - started < 40
    assert found == {**dict.fromkeys(DRIPS, b""), "redirect": found["redirect"]}
    assert found["redirect"] in (b"", b"y")
    assert sorted(upstream.asked()) == sorted([f"/{drip}" for drip in DRIPS] + ["/y"])


def test_a_host_that_says_nothing_is_given_up_after_the_timeout(way: str, upstream: Upstream) -> None:
    over = threading.Event()
    upstream.answers["/x"] = lambda handler: over.wait(60)
    try:
        error = failure(way, f"{upstream.host}/x", timeout=1)
    finally:
        over.set()
    assert error.transient and error.why and upstream.asked() == ["/x"]


def test_a_process_that_holds_a_thousand_descriptors_fetches(way: str, upstream: Upstream) -> None:
    """As of a program that uses the product as a library: select(2) takes none above 1,023."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    upstream.answers["/x"] = (200, {}, b"x")
    with contextlib.ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        while held.enter_context(open("/dev/null", "rb")).fileno() < 1024:
            pass
        fetcher = held.enter_context(contextlib.closing(make(way, timeout=60)))
        for _ in range(2):  # on a new connection, and on the same one
            assert got(fetcher, f"{upstream.host}/x")[1] == b"x"


def test_others_go_on_while_a_host_drips(upstream: Upstream) -> None:
    """The event loop waits for no transfer alone."""
    fetcher = pytest.importorskip("pypimirror.http.pycurl_fetcher", exc_type=ImportError) and make("pycurl", timeout=60)
    over, begun, finished = threading.Event(), threading.Event(), []
    upstream.answers |= {
        "/drip": lambda handler: send_drops(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x", over, begun),
        "/x": (200, {}, b"x")}
    loop = Loop(fetcher.selector())

    def work(path: str) -> None:
        with suppress(FetchError):
            got(fetcher, upstream.host + path)
        finished.append(path)
        if len(finished) == 10:
            over.set()

    try:
        run_in(loop, lambda: loop.each(work, ["/drip", *["/x"] * 10], 3))
    finally:
        over.set()
        loop.close()
        fetcher.close()
    assert finished == [*["/x"] * 10, "/drip"]
