"""Heads of answers are read as the library reads them, whatever a server sends."""

from __future__ import annotations

import http.client
import io
import socket
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypimirror.fetch.connections import POOLS
from pypimirror.fetch.heads import parsed

_NAMES = st.sampled_from([b"Content-Length", b"content-length", b"ETag", b"X-A", b"x a", b"", b" X", b"X\xe9"])
_COLONS = st.sampled_from([b":", b": ", b" : ", b""])
_ODD = st.sampled_from([b"5", b" 5 ", b"\t5", b"chunked", b"a: b", b"\xe9", b"\x85", b"\x0b1", b"\x1c", b"\x00", b"a\rb"])
_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n "])
_LINES = st.tuples(_NAMES, _COLONS, _ODD | st.binary(max_size=8), _ENDS).map(b"".join)


def read_by(parse: object, text: bytes) -> tuple[object, bytes]:
    """Return what comes of a head, and what is left of the stream."""
    stream = io.BytesIO(text)
    try:
        found: object = list(parse(stream).raw_items())  # type: ignore[operator]
    except http.client.HTTPException as error:
        found = type(error), str(error)
    return found, stream.read()


@given(st.lists(_LINES, max_size=6).map(b"".join), st.sampled_from([b"\r\n", b"\n", b""]))
@example(b"ETag: a\r\n b\r\n", b"\r\n")
@example(b"A: 1\r\nA: 2\r\n", b"\r\n")
@example(b"X: " + b"a" * 70_000 + b"\r\n", b"\r\n")
@example(b"X: a\r\n" * 99, b"\r\n")
@example(b"X: a\r\n" * 101, b"\r\n")
@example(b"X: a\r\nbad\r\nY: b\r\n", b"\r\n")
def test_headers_are_what_the_library_makes_of_them(lines: bytes, end: bytes) -> None:
    text = lines + end + b"body"
    assert read_by(parsed, text) == read_by(http.client.parse_headers, text)


@pytest.mark.parametrize(("answer", "body"), [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:4\r\nX-Folded: a\r\n b\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"body"),
    (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body"),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", b""),
])
def test_a_body_is_as_long_as_its_head_says(answer: bytes, body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        pool = POOLS["http"]("127.0.0.1", server.getsockname()[1])
        found = pool.urlopen("GET", "/", retries=False)
        thread.join()
        pool.close()
    assert found.data == body
