"""Decodes gzip and deflate (RFC 9110, 8.4.1) in bounded chunks, so that limits apply to the decoded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ..errors import FetchError
from .translate_error import CUT_OFF
from .urls import strip_credentials

#: How a page may be packed. Packed twice, or otherwise, one block could unpack to gigabytes at once.
NAMES = frozenset({"gzip", "x-gzip", "deflate"})
#: Bytes that come out at once, at most.
_BLOCK = 1 << 18
#: For zlib: to see from the first bytes whether it is gzip's form or zlib's, or that there is no form at all.
_EITHER, _BARE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS


def unpacked(blocks: Iterable[bytes], encoding: str, url: str) -> Iterator[bytes]:
    """Yield what the blocks hold; encoding: one of NAMES. Raises FetchError.

    What follows the end is a further part, or left out where it is none, as browsers do. Some servers call ``deflate`` what has
    no form at all.
    """
    decoder, first, ended = zlib.decompressobj(_EITHER), True, False
    for block in _in_two_or_more(blocks):
        while block:
            try:
                piece = decoder.decompress(block, _BLOCK)
            except zlib.error as error:
                if ended:
                    return
                if not first or encoding != "deflate":
                    raise FetchError(strip_credentials(url), f"wrongly packed: {error}") from error
                decoder, first = zlib.decompressobj(_BARE), False
                continue
            first = False
            if piece:
                yield piece
            block = decoder.unconsumed_tail
            if decoder.eof:
                ended, block = True, decoder.unused_data
                decoder = zlib.decompressobj(_EITHER)
    while piece := decoder.decompress(b"", _BLOCK):  # what it still holds, where the last piece was full
        yield piece
    ended = ended or decoder.eof
    if not (first or ended):
        raise FetchError(strip_credentials(url), CUT_OFF, transient=True)


def _in_two_or_more(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield all bytes, two at least at once, but for what is left in the end: it takes two to see the form."""
    held = b""
    for block in blocks:
        held += block
        if len(held) > 1:
            yield held
            held = b""
    if held:
        yield held
