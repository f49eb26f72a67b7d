"""Answers in rare and in malformed forms, which every fetcher reads alike or refuses."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pypimirror.errors import FetchError
from support import http_faults
from support.fetchers import Body, failure, got, opened
from support.servers import saying
from support.upstream import Upstream

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


# --- heads

@pytest.mark.parametrize(("lines", "name", "value"), [
    (b"ETag: one \t\r\n", "etag", "one"), (b"ETag: one\r\n two\r\n", "etag", "one two"), (b"ETag:\r\n\tone\r\n", "etag", "one"),
    (b"ETag: one\netag: two\n", "etag", "one, two"), (b"ETag: HTTP/1.1 200 one\r\n", "etag",
    "HTTP/1.1 200 one"), (b"ETag: \xe9\r\n", "etag", "\xe9")])
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\nETag: another\r\n\r\n"], ids=["", "interim"])
def test_header_lines(way: str, lines: bytes, name: str, value: str, interim: bytes) -> None:
    with saying(interim + OK + lines + b"Content-Length: 4\r\n\r\nbody") as address, opened(way) as fetcher:
        head, body = got(fetcher, f"{address}/x")
    assert (head.status, head.headers[name], body) == (200, value, b"body")
    assert set(head.headers) == {name, "content-length"}


def test_lines_may_end_with_a_line_feed_alone(way: str) -> None:
    with saying(b"HTTP/1.1 200 OK\nETag: one\nContent-Length: 4\n\nbody") as address, opened(way) as fetcher:
        head, body = got(fetcher, f"{address}/x")
    assert (head.status, dict(head.headers), body) == (200, {"etag": "one", "content-length": "4"}, b"body")


def test_headers_of_one_name_are_joined(way: str) -> None:
    answer = OK + b"Content-Length: 0\r\nLink: <a>\r\nX-PyPI-Last-Serial: 5\r\nlink: <b>\r\n\r\n"
    with saying(answer) as address, opened(way) as fetcher:
        found = got(fetcher, f"{address}/x")[0].headers
    assert found == {"content-length": "0", "link": "<a>, <b>", "x-pypi-last-serial": "5"}


@pytest.mark.parametrize("value", [b"a\rb", b"a\0b", b"a\r b", b"a\r\0b"])
def test_a_header_is_one_line_whatever_it_contains(way: str, value: bytes) -> None:
    with saying(OK + b"ETag: " + value + b"\r\nContent-Length: 4\r\n\r\nbody") as address, opened(way) as fetcher:
        try:
            head, body = got(fetcher, f"{address}/x")
        except FetchError:
            return
    assert head.headers["etag"].isprintable() and body == b"body"


@pytest.mark.parametrize("number", [1, 3])
def test_interim_answers_are_skipped(way: str, number: int) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * number
    answer = hints + b"HTTP/1.1 102 Processing\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nbody"
    with saying(answer) as address, opened(way) as fetcher:
        try:
            head, body = got(fetcher, f"{address}/x")
        except FetchError:
            assert way == "requests"  # http.client skips 100 alone; no status but 200 is accepted
            return
        assert (head.status, body) in [(200, b"body"), *([(103, b"")] if way == "requests" else [])]


@pytest.mark.parametrize("line", [b"X: " + b"a" * (1 << 20) + b"\r\n", b"X: a\r\n" * 100_000, b"a" * (1 << 20)],
                         ids=["long", "many", "no end"])
def test_the_size_of_a_head_is_bounded(way: str, line: bytes) -> None:
    with saying(OK + line + b"Content-Length: 4\r\n\r\nbody") as address:
        assert failure(way, f"{address}/x").why


@pytest.mark.parametrize("block", [b"X: " + b"a" * 100 + b"\r\n", b"a" * 1000, b"\r\nHTTP/1.1 100 Continue\r\n"],
                         ids=["headers", "line", "interim"])
def test_a_head_without_an_end_is_given_up(way: str, block: bytes, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    over, begun = threading.Event(), threading.Event()
    http_faults.minutes_pass(monkeypatch, begun.is_set)  # http.client skips interim answers for as long as they come

    def endless(handler: Any) -> None:
        handler.close_connection = True
        try:
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n" if b"100" in block else OK)
            while not over.is_set():
                handler.wfile.write(block)
                begun.set()
        except OSError:
            over.set()

    upstream.answers["/x"] = endless
    try:
        assert failure(way, f"{upstream.host}/x").why
        assert over.wait(10)
    finally:
        over.set()


@pytest.mark.parametrize("value", ["x\r\nX-Other: y", "x\ny", "x\ry", "x\r\n\r\nGET /other HTTP/1.1"])
def test_a_header_that_is_sent_is_one_line(way: str, value: str, upstream: Upstream) -> None:
    with opened(way) as fetcher, pytest.raises(FetchError, match="header"):
        fetcher.fetch(f"{upstream.host}/x", Body(), {"If-None-Match": value})
    assert upstream.asked() == []


def test_an_etag_is_sent_back_as_it_came(way: str, upstream: Upstream) -> None:
    heard = []

    def answer(handler: Any) -> None:
        heard.append(handler.headers["If-None-Match"])
        handler.reply(200, {"ETag": '"\xe9 \x80"'}, b"")

    upstream.answers["/x"] = answer
    with opened(way) as fetcher:
        etag = got(fetcher, f"{upstream.host}/x")[0].headers["etag"]
        got(fetcher, f"{upstream.host}/x", {"If-None-Match": etag})
    assert heard == [None, '"\xe9 \x80"']


# --- bodies

@pytest.mark.parametrize(("answer", "body"), [
    (OK + b"Content-Length: 4\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length:4\r\nX-Folded: a\r\n b\r\n\r\nbody", b"body"),
    (OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", b"body"),
    (OK + b"Transfer-Encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"body"),
    (OK + b"Transfer-Encoding: chunked \r\n\r\n4 ;a=b\r\nbody\r\n00\r\n\r\n", b"body"),
    (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", b""),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"")])
def test_the_length_of_a_body(way: str, answer: bytes, body: bytes) -> None:
    with saying(answer) as address, opened(way) as fetcher:
        assert got(fetcher, f"{address}/x")[1] == body


@pytest.mark.parametrize("lines", [b"Content-Length: 4, 4\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                   b"Transfer-Encoding: chunked, chunked\r\n", b"Content-Length: +4\r\n",
                                   b"Content-Length: 0x4\r\n", b"Content-Length: -4\r\n", b"Content-Length: 4 4\r\n",
                                   b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                                   b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"])
def test_an_odd_length_leads_to_the_whole_body_or_to_an_error(way: str, lines: bytes) -> None:
    sent = b"4\r\nbody\r\n0\r\n\r\n" if b"chunked" in lines else b"body"
    with saying(OK + lines + b"\r\n" + sent) as address, opened(way) as fetcher:
        try:
            assert got(fetcher, f"{address}/x")[1] == b"body"
        except FetchError as error:
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(("answer", "why", "transient"), [
    (b"", "", True), (b"nonsense\r\n\r\n", "", True), (None, "", True),
    (OK + b"Content-Length: 9\r\n\r\nhalf", "the connection ended in the middle of the body", True),
    (OK + b"Content-Length: 1, 2\r\n\r\nx", "Content-Length", None),
    (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", "Content-Length", None),
    (OK + b"Content-Length: 2\r\nContent-Length: 1\r\n\r\nx", "Content-Length", None),
    (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "", True),
    (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", "Transfer-Encoding", False),
    (OK + b"Transfer-Encoding: gzip\r\n\r\nbody", "Transfer-Encoding", False),
    (OK + b"Transfer-Encoding: chunked;q=1\r\n\r\nbody", "Transfer-Encoding", False),
    (OK + b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\nbody", "Transfer-Encoding", False),
    (CHUNKED + b"4\r\nbody\r\n", "ended in the middle of the body", True)])
def test_malformed_answers_are_errors(way: str, answer: bytes | None, why: str, transient: bool | None) -> None:
    with saying(answer) as address:
        error = failure(way, f"{address}/x", timeout=1 if answer is None else 60)
    assert error.url == f"{address}/x" and why in error.why and len(str(error).splitlines()) == 1
    assert transient is None or error.transient is transient


#: Lengths that are no numbers by the letter of RFC 9112, and that a library reads as the number in them.
_LIBCURL = {b"4_0", b"4 4", b"4;" + b"a" * 70_000}
READABLE = {"pycurl": _LIBCURL, "pycurl-loop": _LIBCURL, "requests": {b"+4", b"0x4"}}


@pytest.mark.parametrize("size", [b"-1", b"-4", b"+4", b"0x4", b"4_0", b"", b" ", b"4 4", b"1" * 5000, b"4;" + b"a" * 70_000])
def test_a_chunk_whose_length_is_no_hexadecimal_number_is_an_error(way: str, size: bytes) -> None:
    with saying(CHUNKED + b"%s\r\nbody\r\n0\r\n\r\n" % size) as address, opened(way) as fetcher:
        try:
            found = got(fetcher, f"{address}/x")[1]
        except FetchError as error:
            assert error.transient and len(str(error).splitlines()) == 1
        else:
            assert size in READABLE[way] and found == b"body"


@pytest.mark.parametrize("body", [b"", b"body"])
def test_trailers_are_no_headers(way: str, body: bytes) -> None:
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    with saying(CHUNKED + chunk + b"0\r\nETag: late\r\n\r\n") as address, opened(way) as fetcher:
        head, found = got(fetcher, f"{address}/x")
    assert (head.status, head.headers.get("etag"), found) == (200, None, body)


@pytest.mark.parametrize("more", [b";a=b", b" ; a", b";" + b"a" * 5000])
def test_extensions_of_chunks_are_ignored(way: str, more: bytes) -> None:
    with saying(CHUNKED + b"4" + more + b"\r\nbody\r\n0\r\n\r\n") as address, opened(way) as fetcher:
        assert got(fetcher, f"{address}/x")[1] == b"body"


@pytest.mark.parametrize("chunks", [b"4\r\nbody\r\n", b"4\r\nbody", b"4\r\nbo", b"", b"4\r\nbody\r\n5"])
def test_a_body_whose_last_chunk_is_missing_is_cut_off(way: str, chunks: bytes) -> None:
    with saying(CHUNKED + chunks) as address:
        error = failure(way, f"{address}/x")
    assert "the connection ended in the middle" in error.why and error.transient


@pytest.mark.parametrize("lines", [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 400\r\n", b""])
@pytest.mark.parametrize("status", [b"304 Not Modified", b"204 No Content"])
def test_an_answer_without_a_body_ends_with_its_head(way: str, status: bytes, lines: bytes, upstream: Upstream) -> None:
    said = b"HTTP/1.1 %s\r\n%sETag: one\r\n\r\n" % (status, lines)

    def answer(handler: Any) -> None:
        handler.wfile.write(said)
        handler.wfile.flush()

    upstream.answers["/x"] = answer
    with opened(way) as fetcher:
        for _ in range(2):
            head, body = got(fetcher, f"{upstream.host}/x")
            assert (head.status, head.headers["etag"], body) == (int(status[:3]), "one", b"")
