"""Answers in forms that are seldom, which all fetchers take alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

import ways
from pypimirror.errors import FetchError
from pypimirror.interfaces import IFetcher
from servers import saying
from upstream import Upstream
from ways import Body

SETTINGS: dict[str, Any] = {"timeout": 10, "ca_bundle": None, "client_cert": (), "proxy": None}
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def made(way: str, monkeypatch: pytest.MonkeyPatch) -> IFetcher:
    """Make a fetcher: a way of the default one, or ``pycurl``."""
    if way == "pycurl":
        return pytest.importorskip("pypimirror.http.pycurl_fetcher", exc_type=ImportError).CurlFetcher(SETTINGS)  # type: ignore[no-any-return]
    from pypimirror.http.requests_fetcher import RequestsFetcher

    ways.take(way, monkeypatch)
    return RequestsFetcher(SETTINGS)  # type: ignore[arg-type]


@pytest.fixture(params=[*ways.WAYS, "pycurl"])
def fetcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[IFetcher]:
    with contextlib.closing(made(request.param, monkeypatch)) as found:
        yield found


@pytest.mark.parametrize(("lines", "name", "value"), [
    (b"ETag: one \t\r\n", "etag", "one"), (b"ETag: one\r\n two\r\n", "etag", "one two"), (b"ETag:\r\n\tone\r\n", "etag", "one"),
    (b"ETag: one\netag: two\n", "etag", "one, two"), (b"ETag: HTTP/1.1 200 one\r\n", "etag",
    "HTTP/1.1 200 one"), (b"ETag: \xe9\r\n", "etag", "\xe9")])
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\nETag: another\r\n\r\n"], ids=["", "interim"])
def test_a_header_is_what_it_means(lines: bytes, name: str, value: str, interim: bytes, fetcher: IFetcher) -> None:
    with saying(interim + b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 4\r\n\r\nbody") as address:
        body = Body()
        head = fetcher.fetch(f"{address}/x", body)
    assert (head.status, head.headers[name], body.body) == (200, value, b"body")
    assert set(head.headers) == {name, "content-length"}


def test_lines_may_end_as_on_unix(fetcher: IFetcher) -> None:
    with saying(b"HTTP/1.1 200 OK\nETag: one\nContent-Length: 4\n\nbody") as address:
        body = Body()
        head = fetcher.fetch(f"{address}/x", body)
    assert (head.status, dict(head.headers), body.body) == (200, {"etag": "one", "content-length": "4"}, b"body")


@pytest.mark.parametrize("body", [b"", b"body"])
def test_what_follows_the_last_chunk_is_no_head(body: bytes, fetcher: IFetcher) -> None:
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    with saying(CHUNKED + chunk + b"0\r\nETag: late\r\n\r\n") as address:
        found = Body()
        head = fetcher.fetch(f"{address}/x", found)
    assert (head.status, head.headers.get("etag"), found.body) == (200, None, body)


@pytest.mark.parametrize("status", [b"304 Not Modified", b"204 No Content"])
def test_an_answer_without_a_body_ends_with_its_head(status: bytes, fetcher: IFetcher, upstream: Upstream) -> None:
    said = b"HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\nETag: one\r\n\r\n" % status

    def answer(handler: Any) -> None:
        handler.wfile.write(said)
        handler.wfile.flush()

    upstream.answers["/x"] = answer
    for _ in range(2):
        body = Body()
        head = fetcher.fetch(f"{upstream.host}/x", body)
        assert (head.status, head.headers["etag"], body.body) == (int(status[:3]), "one", b"")


def test_an_etag_is_sent_back_as_it_came(fetcher: IFetcher, upstream: Upstream) -> None:
    heard = []

    def answer(handler: Any) -> None:
        heard.append(handler.headers["If-None-Match"])
        handler.reply(200, {"ETag": '"\xe9 \x80"'}, b"")

    upstream.answers["/x"] = answer
    etag = fetcher.fetch(f"{upstream.host}/x", Body()).headers["etag"]
    fetcher.fetch(f"{upstream.host}/x", Body(), {"If-None-Match": etag})
    assert heard == [None, '"\xe9 \x80"']


@pytest.mark.parametrize("more", [b";a=b", b" ; a", b";" + b"a" * 5000])
def test_what_a_chunk_says_besides_its_length_is_left_out(more: bytes, fetcher: IFetcher) -> None:
    with saying(CHUNKED + b"4" + more + b"\r\nbody\r\n0\r\n\r\n") as address:
        body = Body()
        fetcher.fetch(f"{address}/x", body)
    assert body.body == b"body"


@pytest.mark.parametrize("way", ["plain", "pycurl"])
def test_hints_before_an_answer_are_none(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    answer = hints + hints + b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    with contextlib.closing(made(way, monkeypatch)) as fetcher, saying(answer) as address:
        body = Body()
        head = fetcher.fetch(f"{address}/x", body)
    assert (head.status, dict(head.headers), body.body) == (200, {"content-length": "4"}, b"body")


@pytest.mark.parametrize("chunks", [b"4\r\nbody\r\n", b"4\r\nbody", b"4\r\nbo", b"", b"4\r\nbody\r\n5"])
def test_a_body_whose_last_chunk_is_missing_is_cut_off(chunks: bytes, fetcher: IFetcher) -> None:
    with saying(CHUNKED + chunks) as address, pytest.raises(FetchError, match="the connection ended in the middle") as caught:
        fetcher.fetch(f"{address}/x", Body())
    assert caught.value.transient
