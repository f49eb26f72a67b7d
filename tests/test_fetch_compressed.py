"""Bodies that are compressed on the way: decoded where that was requested, whatever the blocks are in which they come."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypimirror.errors import FetchError
from support.fetchers import Body, got, opened
from support.upstream import Upstream

ACCEPT = {"Accept-Encoding": "gzip, deflate"}
TEXT = b"a page, " * 100


def bare_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()


CODINGS: list[tuple[Callable[[bytes], bytes], str]] = [
    (gzip.compress, "gzip"), (gzip.compress, "x-gzip"), (zlib.compress, "deflate"), (bare_deflate, "deflate")]


def answer(upstream: Upstream, packed: bytes, encoding: str = "gzip", size: int = 1 << 16, length: bool = True) -> str:
    """Have a path answer with a body in pieces of some size; return its URL."""

    def send(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", encoding)
        if length:
            handler.send_header("Content-Length", str(len(packed)))
        else:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(packed), size):
            piece = packed[start:start + size]
            handler.wfile.write(piece if length else b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.flush()
        if not length:
            handler.wfile.write(b"0\r\n\r\n")

    upstream.answers["/x"] = send
    return f"{upstream.host}/x"


@pytest.fixture
def fetched(way: str, upstream: Upstream) -> Any:
    """Returns the body that a fetcher makes of a compressed one."""
    upstream._server.handle_error = lambda request, address: None  # type: ignore[method-assign]
    with opened(way) as fetcher:
        yield lambda *arguments, **options: got(fetcher, answer(upstream, *arguments, **options), ACCEPT)[1]


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding[1])
def test_a_page_is_decoded_and_a_file_is_not(way: str, coding: tuple[Any, str], upstream: Upstream) -> None:
    pack, encoding = coding
    with opened(way) as fetcher:
        url = answer(upstream, pack(b"page"), encoding)
        assert got(fetcher, url, ACCEPT)[1] == b"page"
        assert got(fetcher, url)[1] == pack(b"page")
        assert got(fetcher, url, ACCEPT)[1] == b"page"


def test_what_was_compressed_comes_out(fetched: Any) -> None:
    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    @given(st.binary(max_size=2000), st.integers(10, 300), st.sampled_from(CODINGS), st.booleans())
    def check(text: bytes, size: int, coding: tuple[Any, str], length: bool) -> None:
        pack, encoding = coding
        assert fetched(pack(text), encoding, size, length) == text

    check()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare_deflate])
@pytest.mark.parametrize("length", [n * (1 << 16) + more for n in (1, 4) for more in (-1, 0, 1, 258)])
def test_bodies_that_fill_blocks_exactly(fetched: Any, pack: Callable[[bytes], bytes], length: int) -> None:
    encoding = "gzip" if pack is gzip.compress else "deflate"
    for text in (b" " * length, random.Random(1).randbytes(length), TEXT * (length // len(TEXT) + 1)):
        assert fetched(pack(text[:length]), encoding) == text[:length]


@pytest.mark.parametrize("size", [1, 50, 1 << 16])
def test_a_body_may_have_several_gzip_members(fetched: Any, size: int) -> None:
    assert fetched(gzip.compress(TEXT) + gzip.compress(b"more"), size=size) == TEXT + b"more"


@pytest.mark.parametrize("size", [1, 50, 1 << 16])
@pytest.mark.parametrize("more", [b"\0" * 99, b"\x1f", b"\x1f" * 99, b"\0" * 99 + gzip.compress(b"more")])
def test_what_follows_and_is_no_further_member_is_ignored(fetched: Any, more: bytes, size: int) -> None:
    assert fetched(gzip.compress(TEXT) + more, size=size) == TEXT
    assert fetched(zlib.compress(TEXT) + more, "deflate", size=size) == TEXT


@pytest.mark.parametrize("size", [1, 3, 50, 1 << 16])
@pytest.mark.parametrize("damaged", [lambda part: part[:-1], lambda part: part[:15],
                                     lambda part: part[:-5] + b"\xff" + part[-4:]], ids=["cut", "short", "changed"])
def test_a_further_member_that_is_cut_off_or_damaged_is_an_error(fetched: Any, size: int, damaged: Any) -> None:
    with pytest.raises(FetchError):
        fetched(gzip.compress(TEXT) + damaged(gzip.compress(b"more")), size=size)


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding[1])
@pytest.mark.parametrize("missing", [1, 4, 8, 9, 15])
def test_a_compressed_body_without_its_end_is_an_error(
        fetched: Any, coding: tuple[Any, str], missing: int, length: bool) -> None:
    pack, encoding = coding
    if pack is bare_deflate and missing > 4:
        missing = 4
    with pytest.raises(FetchError) as caught:
        fetched(pack(TEXT)[:-missing], encoding, length=length)
    assert caught.value.transient


@pytest.mark.parametrize(("packed", "encoding"), [
    (b"plain text", "gzip"), (b"plain text", "deflate"), (gzip.compress(TEXT)[:20] + b"\xff" * 99, "gzip"),
    (gzip.compress(TEXT)[:-5] + b"\xff" + gzip.compress(TEXT)[-4:], "gzip"), (b"plain", "br"), (b"plain", "gzip, br")])
def test_what_is_not_compressed_as_its_head_says_is_an_error(fetched: Any, packed: bytes, encoding: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetched(packed, encoding)
    assert len(str(caught.value).splitlines()) == 1 and not caught.value.transient


@pytest.mark.parametrize("status", [404, 500])
def test_the_body_of_an_error_may_be_anything(way: str, status: int, upstream: Upstream) -> None:
    upstream.answers["/x"] = (status, {"Content-Encoding": "br"}, b"plain")
    with opened(way) as fetcher:
        assert got(fetcher, f"{upstream.host}/x", ACCEPT)[0].status == status


@pytest.mark.parametrize("length", [True, False])
def test_an_empty_body_is_empty(fetched: Any, length: bool) -> None:
    assert fetched(b"", length=length) == b""


def test_a_bomb_comes_out_in_bounded_blocks_and_ends_when_the_receiver_refuses(way: str, upstream: Upstream) -> None:
    class Bounded(Body):
        largest, size = 0, 0

        def write(self, block: bytes) -> None:
            self.largest, self.size = max(self.largest, len(block)), self.size + len(block)
            if self.size > 4 << 20:
                raise FetchError("x", "too large")

    url = answer(upstream, gzip.compress(b" " * (64 << 20)))
    received = Bounded()
    with opened(way) as fetcher, pytest.raises(FetchError, match="too large"):
        fetcher.fetch(url, received, ACCEPT)
    assert received.largest <= 1 << 18 and received.size <= 5 << 20
