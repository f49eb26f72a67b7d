"""Differential tests of answers: what a fetcher accepts is what http.client and every other fetcher make of it."""

from __future__ import annotations

import http.client
import io
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pypimirror.errors import FetchError
from pypimirror.http.headers import last_head, one_line
from support.fetchers import WAYS, got, make

_NAMES = st.sampled_from([b"Content-Length", b"content-length", b"ETag", b"X-A", b"Transfer-Encoding", b"Connection",
                          b"x a", b"", b" X",
                          b"X\xe9"])
_COLONS = st.sampled_from([b":", b": ", b" : ", b""])
_VALUES = st.sampled_from([b"4", b" 4 ", b"\t4", b"9", b"4, 4", b"4, 9", b"chunked", b" CHUNKED\t",
                           b"identity", b"chunked;q=1", b"gzip, chunked", b"a: b", b"\xe9", b"\x0b1", b"\x1c", b"\x00", b"a\rb",
                           b"close", b"keep-alive"]) | st.binary(max_size=8)
_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n "])
_LINES = st.lists(st.tuples(_NAMES, _COLONS, _VALUES, _ENDS).map(b"".join), max_size=5).map(b"".join)
_STATUS = st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 404 No",
                           b"HTTP/1.1 304 Same", b"HTTP/1.1 204 None", b"HTTP/1.1 2000 OK", b"HTTP/1.1 20 OK",
                           b"http/1.1 200 OK", b"HTTP/2 200", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"])
_BODIES = st.sampled_from([b"", b"body", b"body and more", b"4\r\nbody\r\n0\r\n\r\n", b"4;x=y\r\nbody\r\n0\r\nX: y\r\n\r\n",
                           b"4\r\nbody\r\n",
                           b"04\r\nbody\r\n00\r\n\r\n",
                           b"4\r\nbodyX\r\n0\r\n\r\n", b"4\r\nbody\r\n0\r\n\r\nmore",
                           b"\r\n4\r\nbody\r\n0\r\n\r\n"]) | st.binary(max_size=30)
_ANSWERS = st.tuples(_STATUS, _LINES, _BODIES).map(lambda parts: parts[0] + b"\r\n" + parts[1] + b"\r\n" + parts[2])


class Answer(NamedTuple):
    """What a reader makes of an answer."""

    status: int
    etag: str | None
    body: bytes


class Server:
    """Sends ``answer`` to every request and closes the connection."""

    def __init__(self) -> None:
        self.answer = b""
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(outer.answer)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/x"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def readers(unconfigured: Path) -> Iterator[Any]:
    """Returns what each reader makes of an answer, by its name; None for an error."""
    server = Server()
    server.thread.start()
    fetchers = {way: make(way) for way in WAYS}

    def read(answer: bytes) -> dict[str, Answer | None]:
        server.answer = answer
        found: dict[str, Answer | None] = {}
        for way, fetcher in fetchers.items():
            try:
                head, body = got(fetcher, server.url)
            except FetchError as error:
                assert len(str(error).splitlines()) == 1 and error.why
                found[way] = None
            else:
                assert all(len(value.splitlines()) < 2 or not set(value) & set("\r\n\0") for value in head.headers.values())
                found[way] = Answer(head.status, head.headers.get("etag"), body)
        return found

    yield read
    for fetcher in fetchers.values():
        fetcher.close()
    server.close()


class _Stream:
    def __init__(self, answer: bytes):
        self._answer = answer

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._answer)


def of_library(answer: bytes) -> Answer | None:
    """Return what http.client makes of an answer; it takes a body that is cut off for whole where it has no length."""
    response = http.client.HTTPResponse(_Stream(answer), method="GET")  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError, OSError):
        return None
    return Answer(response.status, response.headers.get("etag"), body)


@settings(max_examples=250, suppress_health_check=list(HealthCheck), database=None)
@example(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nbody")
@example(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
@example(answer=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\nbody")
@example(answer=b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 101 + b"\r\nbody")
@example(answer=b"HTTP/1.1 200 OK\r\nETag: a\r\n b\r\nContent-Length: 4\r\n\r\nbody")
@given(answer=_ANSWERS)
@pytest.mark.heavy
def test_fetchers_accept_the_same_answer_or_none(answer: bytes, readers: Any) -> None:
    found = readers(answer)
    assert found["pycurl"] == found["pycurl-loop"]
    one, other = found["pycurl"], found["requests"]
    if one is None or other is None or one.status != 200 or other.status != 200:
        return  # nothing but 200 is used
    assert one.body == other.body, found
    library = of_library(answer)
    if library is not None and library.status == 200:
        assert one.body == library.body, (found, library)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
@given(body=st.binary(max_size=50), form=st.sampled_from(["length", "chunked", "close"]),
       sizes=st.lists(st.integers(1, 9), min_size=1),
       extra=st.lists(st.sampled_from([b"ETag: 1", b"X-A:  b\t", b"Connection: close", b"Server: x"]), unique=True))
@pytest.mark.heavy
def test_well_formed_answers_are_accepted_by_all(
        body: bytes, form: str, sizes: list[int], extra: list[bytes], readers: Any) -> None:
    lines = [b"HTTP/1.1 200 OK", *extra]
    sent = body
    if form == "length":
        lines.append(b"Content-Length: %d" % len(body))
    elif form == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        pieces, rest = [], body
        while rest:
            size = sizes[len(pieces) % len(sizes)]
            pieces.append(rest[:size])
            rest = rest[size:]
        sent = b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    expected = Answer(200, "1" if b"ETag: 1" in extra else None, body)
    assert readers(b"\r\n".join([*lines, b"", sent])) == dict.fromkeys(WAYS, expected)


@given(st.lists(st.tuples(_NAMES, _COLONS, _VALUES, _ENDS).map(b"".join), max_size=6).map(b"".join))
@example(b"ETag: a\r\n b\r\n")
@example(b"A: 1\r\nA: 2\r\n")
def test_the_headers_of_libcurl_have_one_line_each(lines: bytes) -> None:
    status, headers = last_head([b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n", b"\r\n", b"HTTP/1.1 200 OK\r\n", lines, b"\r\n"])
    assert status == 200 and "x-interim" not in headers
    for name, value in headers.items():
        assert name == name.lower() and value == one_line(value)
