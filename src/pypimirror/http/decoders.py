"""Decodes gzip and deflate (RFC 9110, 8.4.1) in bounded chunks, so that limits apply to the decoded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import FetchError
from .translate_error import CUT_OFF
from .urls import strip_credentials

#: How a page may be packed. Packed twice, or otherwise, one block could unpack to gigabytes at once.
NAMES = frozenset({"gzip", "x-gzip", "deflate"})
#: Bytes that come out at once, at most.
_BLOCK = 1 << 18
#: For zlib: to see from the first bytes whether it is gzip's form or zlib's, or that there is no form at all.
_EITHER, _BARE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
#: What a gzip member begins with.
_MAGIC = b"\x1f\x8b"


def unpacked(blocks: Iterable[bytes], encoding: str, url: str) -> Iterator[bytes]:
    """Yield what the blocks hold. Raises FetchError: damaged or cut off, in any of several gzip members (RFC 1952, 2.2).

    What follows the end and is no further member is left out, as browsers do. Some servers call ``deflate`` what has no form
    at all.

    Args:
        encoding: one of NAMES.
    """
    decoder, begun, ended = zlib.decompressobj(_EITHER), False, False
    rest = b""
    try:
        for block in blocks:
            rest += block
            while len(rest) > (0 if begun else 1):  # it takes two bytes to see the form
                if not begun:
                    if ended and not rest.startswith(_MAGIC):
                        return
                    decoder, rest = _begin(rest, bare=encoding == "deflate" and not ended)
                piece = decoder.decompress(rest, _BLOCK)
                if piece:
                    yield piece
                begun, rest = True, decoder.unconsumed_tail
                if decoder.eof:
                    begun, ended, rest = False, True, decoder.unused_data
        while begun and (piece := decoder.decompress(b"", _BLOCK)):  # what it still holds, where the last piece was full
            yield piece
    except zlib.error as error:
        raise FetchError(strip_credentials(url), f"wrongly packed: {error}") from error
    if (begun and not decoder.eof) or (rest and not begun and not ended):
        raise FetchError(strip_credentials(url), CUT_OFF, transient=True)


def _begin(rest: bytes, bare: bool) -> tuple[Any, bytes]:
    """Return a decoder for the form that the first two bytes show, and the bytes that are left for it.

    bare: whether there may be no form.
    """
    decoder = zlib.decompressobj(_EITHER)
    try:
        decoder.decompress(rest[:2])
    except zlib.error:
        if not bare:
            raise
        return zlib.decompressobj(_BARE), rest
    return decoder, rest[2:]
