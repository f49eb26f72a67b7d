"""Redirects: followed one by one, each checked, credentials on their own origin alone."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http import ssrf
from support.credentials import basic
from support.fetchers import failure, got, opened
from support.upstream import Upstream


@pytest.fixture
def heard(upstream: Upstream) -> list[dict[str, str]]:
    """The headers of each request for ``/x``, which is answered by ``x``."""
    found: list[dict[str, str]] = []

    def answer(handler: Any) -> None:
        found.append(dict(handler.headers))
        handler.reply(200, {}, b"x")

    upstream.answers["/x"] = answer
    return found


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", ["{host}/x", "/x", "x", "?/../x", "//{address}/x", "/y/../x", "{host}/x#part"])
def test_a_redirect_is_followed(way: str, status: int, form: str, upstream: Upstream, heard: list[Any]) -> None:
    location = form.format(host=upstream.host, address=upstream.host.partition("//")[2])
    upstream.answers["/a"] = (status, {"Location": location}, b"moved")
    upstream.answers["/a?/../x"] = (200, {}, b"x")
    with opened(way) as made:
        for _ in range(2):
            head, body = got(made, f"{upstream.host}/a")
            assert (head.status, body) == (200, b"x") and "location" not in head.headers
            assert head.url.partition("#")[0] in (f"{upstream.host}/x", f"{upstream.host}/a?/../x", f"{upstream.host}/y/../x")


@pytest.mark.parametrize(("status", "headers"), [(302, {}), (300, {"Location": "/x"}), (304, {"Location": "/x"}),
                                                 (404, {"Location": "/x"}), (201, {"Location": "/x"})])
def test_what_is_no_redirect_is_not_followed(
        way: str, status: int, headers: dict[str, str], upstream: Upstream) -> None:
    upstream.answers["/a"] = (status, {**headers, "Content-Length": "0"}, b"")
    with opened(way) as made:
        assert got(made, f"{upstream.host}/a")[0].status == status
    assert upstream.asked() == ["/a"]


@pytest.mark.parametrize("location", ["/a", "/b"])
def test_redirects_in_a_circle_end(way: str, location: str, upstream: Upstream) -> None:
    upstream.answers |= {"/a": (302, {"Location": location}, b""), "/b": (302, {"Location": "/a"}, b"")}
    error = failure(way, f"{upstream.host}/a")
    assert error.why == "too many redirects" and not error.transient
    assert len(upstream.asked()) <= 11


def test_ten_redirects_are_followed(way: str, upstream: Upstream, heard: list[Any]) -> None:
    upstream.answers |= {f"/{number}": (302, {"Location": f"/{number + 1}"}, b"") for number in range(9)}
    upstream.answers["/9"] = (302, {"Location": "/x"}, b"")
    with opened(way) as made:
        assert got(made, f"{upstream.host}/0")[1] == b"x"


@pytest.mark.parametrize("location", ["http://[", "http://a:b:c/", "http://127.0.0.1:99999/", "ftp://127.0.0.1/x", "file:///etc/passwd",
                                      "gopher://127.0.0.1/x", "javascript:x", "http://a b/", "\\\\x"])
def test_a_redirect_to_what_is_no_url_for_http_is_an_error(way: str, location: str, upstream: Upstream) -> None:
    upstream.answers["/a"] = (302, {"Location": location}, b"")
    try:
        error = failure(way, f"{upstream.host}/a")
    except pytest.fail.Exception:
        assert location == "\\\\x"  # a path
    else:
        assert len(str(error).splitlines()) == 1 and "root:" not in str(error)


def test_the_body_of_a_redirect_is_not_waited_for(way: str, upstream: Upstream, heard: list[Any]) -> None:
    over = threading.Event()

    def endless(handler: Any) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")
            while not over.is_set():
                handler.wfile.write(b"evil" * 10_000)
        over.set()

    upstream.answers["/a"] = endless
    try:
        with opened(way) as made:
            assert got(made, f"{upstream.host}/a")[1] == b"x"
            assert over.wait(10)
            assert got(made, f"{upstream.host}/x")[1] == b"x"
    finally:
        over.set()


def test_credentials_of_the_url_stay_on_their_origin(way: str, upstream: Upstream, heard: list[dict[str, str]]) -> None:
    mine = f"Basic {basic('me', 'word')}"
    with Upstream() as other, opened(way) as made:
        sent: list[str | None] = []

        def back(handler: Any) -> None:
            sent.append(handler.headers.get("Authorization"))
            handler.reply(302, {"Location": f"{upstream.host}/x"}, b"")

        other.answers["/b"] = back
        upstream.answers |= {"/same": (302, {"Location": "/x"}, b""), "/other": (302, {"Location": f"{other.host}/b"}, b""),
                             "/named": (302, {"Location": upstream.host.replace("//", "//you:secret@") + "/x"}, b"")}
        secret = upstream.host.replace("//", "//me:word@")
        for path, expected in (("/x", mine), ("/same", mine), ("/other", None), ("/named", mine)):
            head, _ = got(made, secret + path)
            assert heard[-1].get("Authorization") == expected, path
            assert "secret" not in head.url
        got(made, f"{upstream.host}/named")
        assert "Authorization" not in heard[-1]
        got(made, f"{upstream.host}/x")
        assert "Authorization" not in heard[-1] and sent == [None]


def test_each_redirect_passes_the_guard_against_private_hosts(
        way: str, upstream: Upstream, heard: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = ssrf.addresses
    monkeypatch.setattr(ssrf, "addresses", lambda host: ("8.8.8.8", "127.0.0.1") if host == "127.0.0.1" else real(host))
    private = upstream.host.replace("127.0.0.1", "localhost")
    upstream.answers |= {"/a": (302, {"Location": "/b"}, b""), "/b": (302, {"Location": f"{private}/x"}, b"")}
    error = failure(way, f"{upstream.host}/a")
    assert "private address" in error.why and not error.transient
    assert upstream.asked() == ["/a", "/b"]


def test_the_peer_of_a_connection_passes_the_guard(
        way: str, upstream: Upstream, heard: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = ssrf.addresses
    monkeypatch.setattr(ssrf, "addresses", lambda host: ("8.8.8.8",) if host == "localhost" else real(host))
    ssrf.check("http://8.8.4.4/", "http://localhost/")
    error = failure(way, upstream.host.replace("127.0.0.1", "localhost") + "/x")
    assert "connected at the private address" in error.why
    assert upstream.asked() == []
    with opened(way) as made, pytest.raises(FetchError):
        got(made, upstream.host.replace("127.0.0.1", "LOCALHOST.") + "/x")
