"""The contract of a fetcher as tests, with a server on loopback."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..errors import FetchError
from ..interfaces import IFetcher
from ..model import Head
from . import checks

_LARGE = b"0123456789abcdef" * 200_000


class Received:
    """An ``IReceiver`` that keeps what it receives."""

    def __init__(self, refuse: type[Exception] | None = None, stop: type[Exception] | None = None):
        """refuse, stop: raised at the head, and at the first block."""
        self.heads: list[Head] = []
        self.body = b""
        self._refuse, self._stop = refuse, stop

    def start(self, head: Head) -> None:
        assert not self.heads and not self.body, "start is called once, before write"
        self.heads.append(head)
        if self._refuse is not None:
            raise self._refuse

    def write(self, block: bytes) -> None:
        assert self.heads, "start is called before write"
        if self._stop is not None:
            raise self._stop
        self.body += block


class FetcherContract:
    """The tests of an ``IFetcher``. Derived classes have names that begin with ``Test``."""

    def make(self) -> Any:
        """Return a new fetcher, with settings that reach loopback without a proxy."""
        raise NotImplementedError

    @contextmanager
    def ready(self) -> Iterator[tuple[Any, str]]:
        """Return a fetcher and the URL of the server; close both at the end."""
        fetcher = self.make()
        with _server() as url:
            try:
                yield fetcher, url
            finally:
                fetcher.close()

    def test_it_provides_its_interface(self) -> None:
        with self.ready() as (fetcher, _):
            checks.implements(fetcher, IFetcher)

    def test_it_passes_head_and_body_on(self) -> None:
        with self.ready() as (fetcher, url):
            for path, body in (("small", b"body"), ("large", _LARGE), ("empty", b"")):
                received = Received()
                head = fetcher.fetch(url + path, received)
                assert received.heads == [head]
                assert (head.status, head.url, head.headers["x-kind"]) == (200, url + path, path)
                assert hashlib.sha256(received.body).digest() == hashlib.sha256(body).digest()

    def test_every_status_is_an_answer(self) -> None:
        with self.ready() as (fetcher, url):
            for status in (404, 410, 429, 500, 503):
                received = Received()
                assert fetcher.fetch(f"{url}status/{status}", received).status == status
                assert received.body == b"sorry"

    def test_redirects_are_followed(self) -> None:
        with self.ready() as (fetcher, url):
            received = Received()
            head = fetcher.fetch(f"{url}moved", received)
            assert (head.status, head.url, received.body) == (200, f"{url}small", b"body")
            checks.raises(FetchError, fetcher.fetch, f"{url}circle", Received())

    def test_headers_are_sent(self) -> None:
        with self.ready() as (fetcher, url):
            received = Received()
            fetcher.fetch(f"{url}echo", received, {"X-Asked": "this"})
            assert received.body == b"this"

    def test_a_body_that_is_cut_off_is_an_error(self) -> None:
        with self.ready() as (fetcher, url):
            try:
                fetcher.fetch(f"{url}truncated", Received())
            except FetchError as error:
                assert error.transient
            else:
                raise AssertionError("a truncated body was taken for a complete one")

    def test_a_server_that_is_not_there_is_a_transient_error(self) -> None:
        with self.ready() as (fetcher, _), socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # and does not listen
            try:
                fetcher.fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/", Received())
            except FetchError as error:
                assert error.transient
            else:
                raise AssertionError("FetchError was not raised")

    def test_exceptions_of_the_receiver_are_passed_on_and_stop_the_transfer(self) -> None:
        with self.ready() as (fetcher, url):
            checks.raises(LookupError, fetcher.fetch, f"{url}large", Received(refuse=LookupError))
            checks.raises(LookupError, fetcher.fetch, f"{url}large", Received(stop=LookupError))
            received = Received()
            fetcher.fetch(f"{url}small", received)
            assert received.body == b"body"

    def test_threads_can_share_it(self) -> None:
        with self.ready() as (fetcher, url):

            def fetched() -> bytes:
                received = Received()
                fetcher.fetch(f"{url}small", received)
                return received.body

            assert checks.in_threads(fetched) == [b"body"] * 12


@contextmanager
def _server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, _, value = self.path.strip("/").partition("/")
        bodies: Mapping[str, bytes] = {"small": b"body", "large": _LARGE, "echo": (self.headers["X-Asked"] or "").encode(),
                                       "truncated": b"body", "status": b"sorry"}
        body = bodies.get(kind, b"")
        self.send_response(int(value or (302 if kind in ("moved", "circle") else 200)))
        if kind in ("moved", "circle"):
            self.send_header("Location", "/small" if kind == "moved" else "/circle")
        self.send_header("X-Kind", kind)
        self.send_header("Content-Length", str(len(body) + (100 if kind == "truncated" else 0)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client has stopped the transfer
        if kind == "truncated":
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass
