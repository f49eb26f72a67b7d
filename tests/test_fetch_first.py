"""The first request, made without requests: what comes of it is what requests would have made of it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.fetch.first import FirstByHand
from pypimirror.fetch.http import RequestsFetcher
from pypimirror.model import Head

SETTINGS: Any = {"timeout": 5, "ca_bundle": None, "client_cert": (), "proxy": None}
BODY = b"some of the body, " * 20_000
PACKED = {"Accept-Encoding": "gzip, deflate"}


class Receiver:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.body = b""
        self.heads: list[Head] = []

    def start(self, head: Head) -> None:
        self.heads.append(head)

    def write(self, block: bytes) -> None:
        self.body += block


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A server that answers by path: (status, headers, body); what it was asked, with the User-Agent."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = SimpleNamespace(answers={}, asked=[], agents=[])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.agents.append(self.headers["User-Agent"])
            status, headers, body = found.answers[self.path]
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 304 and not any(name == "Transfer-Encoding" for name, _ in headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if any(name == "X-Cut" for name, _ in headers):
                self.close_connection = True

        def log_message(self, *arguments: Any) -> None:
            pass

    started = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    started.daemon_threads = True
    Thread(target=started.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{started.server_port}"
    yield found
    started.shutdown()
    started.server_close()


def got(make: Callable[[Any], Any], url: str, headers: dict[str, str] | None = None, settings: Any = SETTINGS) -> Any:
    """Give what a fetcher's first request brings, or the error's words."""
    fetcher, receiver = make(settings), Receiver()
    try:
        head = fetcher.fetch(url, receiver, headers)
    except FetchError as error:
        return error.why, error.transient
    finally:
        fetcher.close()
    assert receiver.heads == [head]
    told = {name: value for name, value in head.headers.items() if name != "date"}
    return head.status, told, head.url, receiver.body


def by_hand(server: SimpleNamespace) -> list[bool]:
    """Say of each request whether it was made without requests."""
    return ["python-requests" not in agent for agent in server.agents]


ANSWERS = {
    "plain": (200, (("X-Two", "a"), ("X-Two", "b"), ("ETag", '"e"')), BODY),
    "empty": (200, (), b""),
    "unchanged": (304, (("ETag", '"e"'),), b""),
    "missing": (404, (), b"no"),
    "failing": (503, (("Retry-After", "3"),), b"later"),
    "gzip": (200, (("Content-Encoding", "gzip"),), gzip.compress(BODY)),
    "gzip in two parts": (200, (("Content-Encoding", "gzip"),), gzip.compress(BODY) + gzip.compress(b"more")),
    "gzip of nothing": (200, (("Content-Encoding", "gzip"),), gzip.compress(b"")),
    "chunks": (200, (("Transfer-Encoding", "chunked"),), b"5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_what_requests_makes_of_it(server: SimpleNamespace, answer: Any) -> None:
    server.answers["/x/"] = answer
    assert got(FirstByHand, f"{server.url}/x/", PACKED) == got(RequestsFetcher, f"{server.url}/x/", PACKED)
    assert by_hand(server) == [True, False]


def test_what_was_packed_without_being_asked_for_is_handed_over_as_it_is(server: SimpleNamespace) -> None:
    server.answers["/x/"] = ANSWERS["gzip"]
    assert got(FirstByHand, f"{server.url}/x/") == got(RequestsFetcher, f"{server.url}/x/")


def test_redirects_and_other_encodings_are_left_to_requests(server: SimpleNamespace) -> None:
    server.answers["/x/"] = (302, (("Location", "/y/"),), b"")
    server.answers["/y/"] = (200, (("Content-Encoding", "deflate"),), zlib.compress(BODY))
    assert got(FirstByHand, f"{server.url}/x/", PACKED)[3] == BODY
    assert (server.asked, by_hand(server)) == (["/x/", "/x/", "/y/"], [True, False, False])
    assert got(FirstByHand, f"{server.url}/y/", PACKED)[3] == BODY


@pytest.mark.parametrize(("headers", "body", "transient"), [
    ((("Transfer-Encoding", "chunked"), ("X-Cut", "")), b"5\r\nabcde\r\nff\r\nfgh", True),
    ((("Content-Encoding", "gzip"),), gzip.compress(BODY)[:-20], True),
])
def test_a_body_that_is_not_whole_is_an_error_that_may_pass(
        server: SimpleNamespace, headers: Any, body: bytes, transient: bool) -> None:
    server.answers["/x/"] = (200, headers, body)
    assert got(FirstByHand, f"{server.url}/x/", PACKED) == ("the connection ended in the middle of the body", transient)


def test_nonsense_in_place_of_gzip_is_an_error(server: SimpleNamespace) -> None:
    server.answers["/x/"] = (200, (("Content-Encoding", "gzip"),), b"not packed at all")
    why, transient = got(FirstByHand, f"{server.url}/x/", PACKED)
    assert "header" in why and transient


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:0/x", f"http://{'a' * 70}.example.com/"])
def test_who_can_not_be_reached_is_told_in_the_words_of_requests(server: SimpleNamespace, url: str) -> None:
    assert got(FirstByHand, url) == got(RequestsFetcher, url)


def test_only_the_first_request_is_made_by_hand(server: SimpleNamespace) -> None:
    server.answers["/x/"] = ANSWERS["plain"]
    fetcher = FirstByHand(SETTINGS)
    for _ in range(3):
        fetcher.fetch(f"{server.url}/x/", Receiver())
    fetcher.close()
    assert by_hand(server) == [True, False, False]


@pytest.mark.parametrize("given", ["netrc", "proxy", "key"])
def test_what_requests_finds_in_its_environment_still_counts(
        server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str) -> None:
    server.answers["/x/"] = server.answers[f"{server.url}/x/"] = ANSWERS["empty"]
    if given == "netrc":
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    elif given == "proxy":
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
    got(FirstByHand, f"{server.url}/x/", settings={**SETTINGS, "proxy": server.url if given == "key" else None})
    assert by_hand(server) == [False]


def test_credentials_in_a_url_are_left_to_requests(server: SimpleNamespace) -> None:
    server.answers["/x/"] = ANSWERS["empty"]
    got(FirstByHand, f"{server.url.replace('//', '//me:secret@')}/x/")
    assert by_hand(server) == [False]
