"""The default fetcher's two ways: what each is taken for, and that nobody can tell one from the other."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certifi
import pytest

import faults
import ways
from certificates import SecureUpstream, authority
from passwords import basic
from pypimirror.errors import FetchError
from pypimirror.http import proxy_settings, sessions
from pypimirror.http.requests_fetcher import RequestsFetcher
from pypimirror.model import Head
from servers import answered_by, elsewhere, saying
from upstream import Upstream
from ways import Body

SETTINGS: dict[str, Any] = {"timeout": 10, "ca_bundle": None, "client_cert": (), "proxy": None}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that says nothing, and a home directory that is empty."""
    ways.take("plain", monkeypatch)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks for requests fails."""
    monkeypatch.setitem(sys.modules, "pypimirror.http.sessions", None)
    for module in ("requests", "urllib3"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture(params=ways.WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way: the plain one with nothing but Python's library to be had."""
    if request.param == "plain":
        request.getfixturevalue("alone")
    else:
        ways.take(request.param, monkeypatch)
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = authority(tmp_path_factory.mktemp("certificates"))
    digest = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", str(made / "ca.pem")], capture_output=True, text=True,
                            check=True).stdout.strip()
    (made / "authorities").mkdir()
    (made / "authorities" / f"{digest}.0").write_bytes((made / "ca.pem").read_bytes())
    return made


@contextmanager
def fetcher(**settings: Any) -> Iterator[RequestsFetcher]:
    made = RequestsFetcher({**SETTINGS, **settings})  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def got(made: RequestsFetcher, url: str) -> tuple[Head, bytes]:
    body = Body()
    return made.fetch(url, body), body.body


def failure(url: str, **settings: Any) -> FetchError:
    with fetcher(**settings) as made, pytest.raises(FetchError) as caught:
        made.fetch(url, Body())
    return caught.value


@pytest.fixture
def heard(upstream: Upstream) -> list[dict[str, str]]:
    """The headers of each request for ``/x``, which is answered by ``x``."""
    found: list[dict[str, str]] = []

    def answer(handler: Any) -> None:
        found.append(dict(handler.headers))
        handler.reply(200, {}, b"x")

    upstream.answers["/x"] = answer
    return found


# --- what the environment has a say in

@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "Http_Proxy", "all_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere() as (proxy, asked), fetcher() as made:
        monkeypatch.setenv(name, proxy)
        assert got(made, "http://files.example.com/x")[0].status == 404
        assert got(made, "http://files.example.com/y")[0].status == 404
    assert asked == ["GET http://files.example.com/x HTTP/1.1", "GET http://files.example.com/y HTTP/1.1"]


def test_the_proxy_of_the_settings_is_asked() -> None:
    with elsewhere() as (proxy, asked), fetcher(proxy=proxy) as made:
        assert got(made, "http://files.example.com/x")[0].status == 404
    assert asked == ["GET http://files.example.com/x HTTP/1.1"]


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_of_the_environment_are_trusted(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecureUpstream(folder) as upstream:
        monkeypatch.setenv(name, "")
        assert "certificate verify failed" in str(failure(f"{upstream.host}/simple/"))
        monkeypatch.setenv(name, str(folder / "ca.pem"))
        with fetcher() as made:
            assert got(made, f"{upstream.host}/simple/")[0].status == 200


def test_a_bundle_of_the_environment_that_is_none_is_named(folder: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecureUpstream(folder) as upstream:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        error = failure(f"{upstream.host}/simple/")
        assert "/nowhere/ca.pem" in error.why and not error.transient
        assert upstream.asked() == []


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_a_platform_with_settings_of_its_own_has_a_say(
        platform: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(proxy_settings, "sys", SimpleNamespace(platform=platform))
    way = sessions.HTTPSession.way
    monkeypatch.setattr(sessions.HTTPSession, "way", lambda self, origin, url: (asked.append(url), way(self, origin, url))[1])
    with fetcher() as made:
        got(made, upstream.url)
    assert asked == ([] if platform == "linux" else [upstream.url])


@pytest.mark.parametrize(("name", "asked"), [("no_proxy", 0), ("NO_PROXY", 0), ("ftp_proxy", 1)])
def test_hosts_that_are_asked_without_a_proxy_are_nothing_to_look_up_where_there_is_none(
        name: str, asked: int, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "127.0.0.1")
    found: list[str] = []
    way = sessions.HTTPSession.way
    monkeypatch.setattr(sessions.HTTPSession, "way", lambda self, origin, url: (found.append(url), way(self, origin, url))[1])
    with fetcher() as made:
        got(made, upstream.url)
    assert len(found) == asked


# --- what is more than plain

def test_credentials_in_the_url_are_sent_and_others_stay_plain(upstream: Upstream, heard: list[dict[str, str]]) -> None:
    with fetcher() as made:
        got(made, upstream.host.replace("//", "//me:word@") + "/x")
        got(made, f"{upstream.host}/x")
    assert [headers.get("Authorization") for headers in heard] == [f"Basic {basic('me', 'word')}", None]


def test_a_url_is_quoted_and_resolved(upstream: Upstream) -> None:
    upstream.answers["/a%20b"] = (200, {}, b"b")
    with fetcher() as made:
        head, body = got(made, f"{upstream.host}/c/../a b")
    assert (head.url, body) == (f"{upstream.host}/a%20b", b"b")
    assert upstream.asked() == ["/a%20b"]


def test_a_redirect_is_followed_and_its_host_is_asked_by_requests_from_then_on(upstream: Upstream) -> None:
    upstream.answers |= {"/a": (302, {"Location": "/b"}, b""), "/b": (200, {}, b"b"), "/c": (200, {}, b"c")}
    with fetcher() as made:
        assert got(made, f"{upstream.host}/c")[1] == b"c"
        for _ in range(2):
            head, body = got(made, f"{upstream.host}/a")
            assert (head.status, head.url, body) == (200, f"{upstream.host}/b", b"b")
        assert got(made, f"{upstream.host}/c")[1] == b"c"
    assert upstream.asked() == ["/c", "/a", "/a", "/b", "/a", "/b", "/c"]


def test_after_a_redirect_other_hosts_are_asked_as_before(upstream: Upstream, heard: list[dict[str, str]]) -> None:
    with Upstream() as other, fetcher() as made:
        other.answers["/a"] = (302, {"Location": f"{upstream.host}/x"}, b"")
        assert got(made, f"{other.host}/a")[1] == b"x"
        assert got(made, f"{upstream.host}/x")[1] == b"x"
        assert got(made, f"{other.host}/a")[1] == b"x"
        assert other.asked() == ["/a", "/a", "/a"]
    assert upstream.asked() == ["/x", "/x", "/x"]


# --- both ways are alike

def test_the_same_headers_are_sent(upstream: Upstream, heard: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ways.WAYS:
        ways.take(way, monkeypatch)
        with fetcher() as made:
            for headers in (None, {"Accept-Encoding": "gzip, deflate", "Accept": "text/html", "If-None-Match": '"1"'}):
                made.fetch(f"{upstream.host}/x", Body(), headers)
    assert heard[:2] == heard[2:]
    plain, page = heard[:2]
    assert plain.pop("User-Agent").startswith("z3c.recipe.pypimirror/") and "User-Agent" in page
    assert plain == {"Host": upstream.host[7:], "Accept-Encoding": "identity", "Accept": "*/*", "Connection": "keep-alive"}
    assert page["Accept"] == "text/html" and page["If-None-Match"] == '"1"' and page["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(("answer", "told", "transient"), [
    (b"", "closed connection without response", True),
    (b"nonsense\r\n\r\n", "nonsense", True),
    (None, "timed out", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "the connection ended in the middle of the body", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx", "Content-Length contained multiple unmatching values (1, 2)", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk of the body has no length", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n", "ended in the middle of the body", True),
    (b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", "Invalid IPv6 URL", False),
    (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "too many redirects", False)])
def test_answers_that_are_none_are_told_in_the_same_words(
        answer: bytes | None, told: str, transient: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(answer) as address:
        found = []
        for way in ways.WAYS:
            ways.take(way, monkeypatch)
            found.append(failure(f"{address}/x", timeout=0.3 if answer is None else 60))
    assert {error.url for error in found} == {f"{address}/x"}
    assert len({error.why for error in found}) == 1 and told in found[0].why
    assert {error.transient for error in found} == {transient}


@pytest.mark.parametrize(("url", "transient"), [
    ("http://127.0.0.1:{closed}/x", True), ("http://nowhere.invalid/x", True),
    ("https://127.0.0.1:{plain}/x", False), ("http://127.0.0.1:99999/x", False),
    ("http://a..example.com/x", False), ("http://.example.com/x", False)])
def test_hosts_that_cant_be_asked_are_told_in_the_same_words(
        url: str, transient: bool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    address = url.format(closed=closed, plain=upstream.host.rpartition(":")[2])
    found = []
    for way in ways.WAYS:
        ways.take(way, monkeypatch)
        found.append(failure(address))
    assert len({error.why for error in found}) == 1 and found[0].why
    assert {(error.url, error.transient) for error in found} == {(address, transient)}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("size", [b"-1", b"-4", b"+4", b"0x4", b"4_0", b"", b" ", b"4 4", b"1" * 5000, b"4;" + b"a" * 70_000])
def test_a_chunk_is_as_long_as_digits_say(size: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\nbody\r\n0\r\n\r\n" % size
    with saying(answer) as address:
        error = failure(f"{address}/x")
    assert error.why == "a chunk of the body has no length" and error.transient


def test_a_body_in_a_form_that_was_not_asked_for_is_none(way: str) -> None:
    with saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n") as address:
        error = failure(f"{address}/x")
    assert "Transfer-Encoding gzip, chunked" in error.why and not error.transient


@pytest.mark.parametrize(("answer", "body"), [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:4\r\nX-Folded: a\r\n b\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"body"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \r\n\r\n4 ;a=b\r\nbody\r\n00\r\n\r\n", b"body"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"body"),
    (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", b""),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"")])
def test_a_body_is_as_long_as_its_head_says(answer: bytes, body: bytes, way: str) -> None:
    with saying(answer) as address, fetcher() as made:
        assert got(made, f"{address}/x")[1] == body


@pytest.mark.parametrize("packed", [gzip.compress(b"page"), zlib.compress(b"page")], ids=["gzip", "deflate"])
def test_a_page_is_unpacked_and_a_file_is_not(packed: bytes, way: str, upstream: Upstream) -> None:
    encoding = "gzip" if packed.startswith(b"\x1f") else "deflate"
    upstream.answers["/x"] = (200, {"Content-Encoding": encoding}, packed)
    with fetcher() as made:
        page = Body()
        made.fetch(f"{upstream.host}/x", page, {"Accept-Encoding": "gzip, deflate"})
        assert page.body == b"page"
        assert got(made, f"{upstream.host}/x")[1] == packed


def test_headers_of_one_name_are_joined(way: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: <a>\r\nX-PyPI-Last-Serial: 5\r\nlink: <b>\r\n\r\n"
    with saying(answer) as address, fetcher() as made:
        assert got(made, f"{address}/x")[0].headers == {"content-length": "0", "link": "<a>, <b>", "x-pypi-last-serial": "5"}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("value", ["x\r\nX-Other: y", "x\ny", "x\ry", "x\r\n\r\nGET /other HTTP/1.1"])
def test_a_header_is_one_line(value: str, upstream: Upstream) -> None:
    with fetcher() as made, pytest.raises(FetchError, match="more than one line"):
        made.fetch(f"{upstream.host}/x", Body(), {"If-None-Match": value})
    assert upstream.asked() == []


# --- connections

@contextmanager
def counting() -> Iterator[tuple[str, list[threading.Event]]]:
    """A server that keeps connections; for each there is an event that is set when the other side has closed it.

    It answers ``x``, and ``/moved`` leads to that.
    """
    closed: list[threading.Event] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

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


def test_each_thread_has_a_connection_and_all_are_closed_in_the_end(way: str) -> None:
    def twice() -> None:
        for _ in range(2):
            got(made, f"{address}/x")

    with counting() as (address, closed):
        with fetcher() as made:
            twice()
            threads = [threading.Thread(target=twice) for _ in range(2)]
            for thread in threads:
                thread.start()
                thread.join()
            assert len(closed) == 3
            # Connections of a thread that is gone may be closed already.
            assert not closed[0].is_set()
        assert all(event.wait(10) for event in closed)


@pytest.mark.parametrize("way", ways.WAYS)
@pytest.mark.parametrize("paths", [("moved", "x"), ("x", "moved", "x")])
def test_connections_that_redirects_take_are_closed_in_the_end(
        way: str, paths: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    ways.take(way, monkeypatch)
    with counting() as (address, closed):
        with fetcher() as made:
            for path in paths:
                assert got(made, f"{address}/{path}")[1] == b"x"
            assert not all(event.is_set() for event in closed)
        assert all(event.wait(10) for event in closed)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x", b"\r\n"])
def test_what_comes_after_an_answer_is_not_the_next_one(more: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + more)

    with answered_by(Handler) as address, fetcher() as made:
        assert [got(made, f"{address}/x")[1] for _ in range(3)] == [b"good"] * 3


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("more", [b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate", b"x"])
def test_what_comes_unasked_is_not_the_next_answer(secure: bool, more: bytes, folder: Path, upstream: Upstream) -> None:
    go, sent = threading.Event(), threading.Event()

    def answer(handler: Any) -> None:
        handler.reply(200, {}, b"good")
        handler.wfile.flush()
        go.wait(10)
        handler.wfile.write(more)
        handler.wfile.flush()
        sent.set()

    with SecureUpstream(folder) if secure else Upstream() as other, fetcher(ca_bundle=str(folder / "ca.pem")) as made:
        other.answers["/x"] = answer
        assert got(made, f"{other.host}/x")[1] == b"good"
        go.set()
        assert sent.wait(10)
        assert got(made, f"{other.host}/x")[1] == b"good"
        assert other.asked() == ["/x", "/x"]


@pytest.mark.usefixtures("alone")
def test_a_host_that_was_too_slow_is_not_asked_once_more(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    over, begun = threading.Event(), threading.Event()
    faults.minutes_pass(monkeypatch, begun.is_set)

    def never(handler: Any) -> None:
        handler.close_connection = True
        with suppress(OSError):
            while not over.wait(0.01):
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                handler.wfile.flush()
                begun.set()

    upstream.answers |= {"/x": (200, {}, b"x"), "/slow": never}
    try:
        with fetcher(timeout=60) as made:
            got(made, f"{upstream.host}/x")
            with pytest.raises(FetchError, match="slower than") as caught:
                got(made, f"{upstream.host}/slow")
    finally:
        over.set()
    assert caught.value.transient
    assert upstream.asked() == ["/x", "/slow"]


# --- TLS

@pytest.mark.usefixtures("alone")
def test_authorities_are_read_once_for_all_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_contexts: list[ssl.SSLContext] = []
    make = ssl.create_default_context

    def counted(*arguments: Any, **options: Any) -> ssl.SSLContext:
        made_contexts.append(make(*arguments, **options))
        return made_contexts[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    with SecureUpstream(folder) as upstream, fetcher(ca_bundle=str(folder / "ca.pem")) as made:
        threads = [threading.Thread(target=got, args=(made, f"{upstream.host}/simple/")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert upstream.asked() == ["/simple/"] * 4
    assert len(made_contexts) == 1


def test_no_authority_is_trusted_but_those_of_certifi(folder: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    with SecureUpstream(folder) as upstream:
        error = failure(f"{upstream.host}/simple/")
        assert "certificate verify failed" in error.why and not error.transient
        assert upstream.asked() == []


@pytest.mark.usefixtures("alone")
def test_the_authorities_are_those_of_certifi(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(folder / "ca.pem"))
    with SecureUpstream(folder) as upstream, fetcher() as made:
        assert got(made, f"{upstream.host}/simple/")[0].status == 200


@pytest.mark.parametrize("bundle", ["ca.pem", "authorities"])
def test_a_bundle_of_the_settings_is_a_file_or_a_directory(folder: Path, way: str, bundle: str) -> None:
    with SecureUpstream(folder) as upstream:
        with fetcher(ca_bundle=str(folder / bundle)) as made:
            assert got(made, f"{upstream.host}/simple/")[0].status == 200
        (folder / "none").mkdir(exist_ok=True)
        for other in ("client.pem", "none"):
            assert "certificate verify failed" in failure(f"{upstream.host}/simple/", ca_bundle=str(folder / other)).why


def test_a_certificate_is_for_one_host(folder: Path, way: str) -> None:
    with SecureUpstream(folder, name="other-server") as upstream:
        error = failure(f"{upstream.host}/simple/", ca_bundle=str(folder / "ca.pem"))
    assert "127.0.0.1" in error.why and not error.transient


def test_a_certificate_is_for_those_that_it_lists(folder: Path, way: str) -> None:
    with SecureUpstream(folder, name="localhost") as upstream:
        error = failure(f"{upstream.host.replace('127.0.0.1', 'localhost')}/simple/", ca_bundle=str(folder / "ca.pem"))
    assert "certificate verify failed" in error.why and not error.transient


def test_a_certificate_of_ours_is_shown_when_it_is_asked_for(folder: Path, way: str) -> None:
    def answer(handler: Any) -> None:
        handler.connection.verify_client_post_handshake()
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        handler.wfile.flush()
        handler.connection.settimeout(0.1)
        for _ in range(100):
            if handler.connection.getpeercert():
                break
            with suppress(TimeoutError):
                handler.connection.recv(1)
        handler.reply(200, {}, str(handler.connection.getpeercert()).encode())

    with SecureUpstream(folder, later=True) as upstream:
        upstream.answers["/x"] = answer
        with fetcher(ca_bundle=str(folder / "ca.pem"), client_cert=(str(folder / "both.pem"),)) as made:
            assert b"'commonName', 'client'" in got(made, f"{upstream.host}/x")[1]


@pytest.mark.parametrize("names", [("both.pem",), ("client.pem", "client.key")], ids=["one", "two"])
def test_a_certificate_of_ours_is_shown(folder: Path, way: str, names: tuple[str, ...]) -> None:
    with SecureUpstream(folder, asks=True) as upstream:
        bundle = str(folder / "ca.pem")
        assert failure(f"{upstream.host}/simple/", ca_bundle=bundle).why
        assert upstream.asked() == []
        with fetcher(ca_bundle=bundle, client_cert=tuple(str(folder / name) for name in names)) as made:
            assert got(made, f"{upstream.host}/simple/")[0].status == 200


def test_refusals_are_told_in_the_same_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecureUpstream(folder) as unknown, SecureUpstream(folder, name="other-server") as other:
        found = []
        for way in ways.WAYS:
            ways.take(way, monkeypatch)
            errors = failure(unknown.url), failure(other.url, ca_bundle=str(folder / "ca.pem"))
            found.append([(error.url, error.why, error.transient) for error in errors])
    assert found[0] == found[1]
