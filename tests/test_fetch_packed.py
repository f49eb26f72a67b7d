"""Packed bodies are unpacked whatever the blocks are that they come in."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypimirror.errors import FetchError
from pypimirror.http.decoders import unpacked

URL = "http://upstream.example.com/simple/"
TEXT = b"a page, " * 100


def bare_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()


def result(packed: bytes, encoding: str = "gzip", size: int = 1 << 16) -> bytes:
    return b"".join(unpacked((packed[at:at + size] for at in range(0, len(packed), size)), encoding, URL))


@given(st.binary(max_size=2000), st.integers(1, 300), st.sampled_from([
    (gzip.compress, "gzip"), (gzip.compress, "x-gzip"), (zlib.compress, "deflate"), (bare_deflate, "deflate")]))
def test_what_was_packed_comes_out(text: bytes, size: int, way: tuple[object, str]) -> None:
    pack, encoding = way
    assert result(pack(text), encoding, size) == text  # type: ignore[operator]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare_deflate])
@pytest.mark.parametrize("length", [n * (1 << 18) + more for n in (1, 2) for more in (-1, 0, 1, 100, 257, 258)])
def test_what_fills_pieces_to_the_brim_comes_out(pack: Callable[[bytes], bytes], length: int) -> None:
    for text in (b" " * length, bytes(range(256)) * (length // 256 + 1), TEXT * (length // len(TEXT) + 1)):
        encoding = "gzip" if pack is gzip.compress else "deflate"
        assert result(pack(text[:length]), encoding) == text[:length]


@pytest.mark.parametrize("size", [1, 50, 1 << 16])
def test_a_body_may_have_several_parts(size: int) -> None:
    assert result(gzip.compress(TEXT) + gzip.compress(b"more"), size=size) == TEXT + b"more"


@pytest.mark.parametrize("size", [1, 50, 1 << 16])
def test_what_follows_the_end_is_left_out(size: int) -> None:
    assert result(gzip.compress(TEXT) + b"\0" * 99, size=size) == TEXT


@pytest.mark.parametrize("size", [1, 2, 3, 50, 1 << 16])
@pytest.mark.parametrize("damaged", [lambda part: part[:-1], lambda part: part[:15],
                                     lambda part: part[:-5] + b"\xff" + part[-4:]])
def test_a_further_part_that_is_cut_off_or_damaged_is_an_error(size: int, damaged: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FetchError):
        result(gzip.compress(TEXT) + damaged(gzip.compress(b"more")), size=size)


def test_a_bomb_comes_out_in_bounded_pieces() -> None:
    pieces = [len(piece) for piece in unpacked([gzip.compress(b" " * (8 << 20))], "gzip", URL)]
    assert sum(pieces) == 8 << 20 and max(pieces) <= 1 << 18


@pytest.mark.parametrize(("packed", "encoding"), [(b"plain text", "gzip"), (b"plain text", "deflate"), (
    gzip.compress(TEXT)[:20] + b"\xff" * 99, "gzip")])
def test_what_is_not_packed_is_an_error_that_stays(packed: bytes, encoding: str) -> None:
    with pytest.raises(FetchError, match="wrongly packed") as caught:
        result(packed, encoding)
    assert caught.value.url == URL and not caught.value.transient


def test_a_body_without_its_end_may_be_whole_the_next_time() -> None:
    with pytest.raises(FetchError, match="ended in the middle of the body") as caught:
        result(gzip.compress(TEXT)[:-9])
    assert caught.value.transient


def test_an_empty_body_is_empty() -> None:
    assert result(b"") == b""
