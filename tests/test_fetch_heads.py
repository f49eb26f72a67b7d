"""Heads of answers are read as the library reads them, whatever a server sends."""

from __future__ import annotations

import http.client
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypimirror.http.heads import parsed

_NAMES = st.sampled_from([b"Content-Length", b"content-length", b"ETag", b"X-A", b"x a", b"", b" X", b"X\xe9"])
_COLONS = st.sampled_from([b":", b": ", b" : ", b""])
_ODD = st.sampled_from([b"5", b" 5 ", b"\t5", b"chunked", b"a: b", b"\xe9", b"\x85", b"\x0b1", b"\x1c", b"\x00", b"a\rb"])
_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n "])
_CODINGS = [b"chunked", b" CHUNKED\t", b"identity", b"chunked, chunked", b"chunked;q=1", b"gzip, chunked", b"gzip", b","]
_LINES = st.tuples(_NAMES, _COLONS, _ODD | st.binary(max_size=8), _ENDS).map(b"".join)


def read_by(parse: Callable[..., Any], text: bytes) -> tuple[object, bytes]:
    """Return what comes of a head, and what is left of the stream."""
    stream = io.BufferedReader(io.BytesIO(text), 1 << 16)  # type: ignore[arg-type]
    try:
        found: object = parse(stream)
    except (http.client.HTTPException, ValueError) as error:
        found = type(error), str(error)
    return found, stream.read()


def of_library(stream: Any) -> dict[str, str]:
    """Read a head as the library does, and join what has one name (RFC 9110, 5.3)."""
    found: dict[str, list[str]] = {}
    for name, value in http.client.parse_headers(stream).items():
        first, *others = re.split("[\r\n\0]+", value)
        value = " ".join([first, *(other.lstrip(" \t") for other in others)])
        found.setdefault(name.lower().strip(" \t"), []).append(value.strip(" \t"))
    if "transfer-encoding" not in found and "content-length" in found:
        lengths = ", ".join(found["content-length"])
        different = {length.strip() for length in lengths.split(",")}
        if len(different) > 1:
            raise ValueError(f"Content-Length contained multiple unmatching values ({lengths})")
        if "," in lengths:
            found["content-length"] = list(different)
    return {name: ", ".join(values) for name, values in found.items()}


@given(st.lists(_LINES, max_size=6).map(b"".join), st.sampled_from([b"\r\n", b"\n", b""]))
@example(b"ETag: a\r\n b\r\n", b"\r\n")
@example(b"A: 1\r\nA: 2\r\n", b"\r\n")
@example(b"X: " + b"a" * 70_000 + b"\r\n", b"\r\n")
@example(b"X: a\r\n" * 99, b"\r\n")
@example(b"X: a\r\n" * 101, b"\r\n")
@example(b"X: a\r\nbad\r\nY: b\r\n", b"\r\n")
def test_headers_are_what_the_library_makes_of_them(lines: bytes, end: bytes) -> None:
    text = lines + end + b"body"
    assert read_by(parsed, text) == read_by(of_library, text)


@given(st.lists(st.sampled_from(_CODINGS), min_size=1, max_size=3))
def test_a_body_comes_in_chunks_or_as_it_is(codings: list[bytes]) -> None:
    text = b"".join(b"Transfer-Encoding: " + coding + b"\r\n" for coding in codings) + b"\r\n"
    told = {coding.strip().lower() for line in codings for coding in line.split(b",")} - {b"", b"identity"}
    found, _ = read_by(parsed, text)
    if told <= {b"chunked"}:
        assert found == ({"transfer-encoding": "chunked"} if told else {})
    else:
        assert isinstance(found, tuple) and found[0] is ValueError and "Transfer-Encoding" in found[1]


@pytest.mark.parametrize("lines", [
    b"Content-Length: 4\r\nContent-Length: 4\r\n", b"Content-Length: 4, 4\r\n", b"content-length:4\r\nX-Folded: a\r\n b\r\n"])
def test_a_length_is_one_however_often_it_is_told(lines: bytes) -> None:
    assert parsed(io.BufferedReader(io.BytesIO(lines + b"\r\n")))["content-length"] == "4"  # type: ignore[arg-type]
