"""Decodes gzip and deflate (RFC 9110, 8.4.1) in blocks of limited size, and checks that the data are complete.

libcurl and urllib3 accept a compressed body that is cut off as if it were whole; a page would lack the files at its end then.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IReceiver
from ..model import Head
from .translate_error import CUT_OFF
from .urls import strip_credentials

_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
#: Maximum size of a decoded block.
_BLOCK = 1 << 18
#: The first bytes of a gzip member (RFC 1952, 2.3.1).
_MAGIC = b"\x1f\x8b"
#: Window sizes of zlib, with the format: gzip, zlib, or none.
_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def fetch_decoded(fetch: Callable[[str, IReceiver, Mapping[str, str]], Head], url: str, receiver: IReceiver,
                  headers: Mapping[str, str] | None) -> Head:
    """Fetch a URL with a function that does not decode, as ``IFetcher.fetch`` requires. Raises FetchError."""
    if not headers or "Accept-Encoding" not in headers:
        return fetch(url, receiver, {"Accept-Encoding": "identity", **(headers or {})})
    decoder = Decoder(receiver, strip_credentials(url))
    head = fetch(url, decoder, headers)
    decoder.finish()
    return head


@implementer(IReceiver)
class Decoder:
    """Decodes the body of an answer with status 200 for another receiver."""

    def __init__(self, receiver: IReceiver, url: str):
        """url: for error messages."""
        self._receiver = receiver
        self._url = url
        self._coding = ""
        self._decoder: Any = None
        self._rest = b""
        #: Whether the data so far form a complete stream.
        self._is_whole = True
        self._is_first = True
        #: Whether bytes follow that are no part of the stream.
        self._has_ended = False

    def start(self, head: Head) -> None:
        coding = head.headers.get("content-encoding", "").strip().lower() if head.status == 200 else ""
        self._coding = "" if coding == "identity" else coding
        self._decoder, self._rest, self._is_whole, self._is_first, self._has_ended = None, b"", True, True, False
        self._receiver.start(head)
        if self._coding and self._coding not in _CODINGS:
            raise FetchError(self._url, f"Content-Encoding {coding}, which was not requested")

    def write(self, block: bytes) -> None:
        if not self._coding:
            self._receiver.write(block)
            return
        if self._has_ended:
            return
        self._rest += block
        self._is_whole = self._is_whole and not self._is_first
        try:
            self._decode()
        except zlib.error as error:
            raise FetchError(self._url, f"does not match its Content-Encoding ({self._coding}): {error}") from error

    def finish(self) -> None:
        """Raise FetchError if the data are cut off."""
        if not self._is_whole:
            raise FetchError(self._url, CUT_OFF, transient=True)

    def _decode(self) -> None:
        """Decode the received data, all members of gzip (RFC 1952, 2.2); other trailing bytes are ignored."""
        while self._decoder is not None or len(self._rest) > 1:
            if self._decoder is None:
                if not self._is_first and (self._coding == "deflate" or not self._rest.startswith(_MAGIC)):
                    self._rest, self._has_ended = b"", True
                    return
                self._decoder = zlib.decompressobj(self._format())
                self._is_first = self._is_whole = False
            piece = self._decoder.decompress(self._rest, _BLOCK)
            self._rest = self._decoder.unconsumed_tail
            if piece:
                self._receiver.write(piece)
            if self._decoder.eof:
                self._rest, self._decoder, self._is_whole = self._decoder.unused_data, None, True
            elif len(piece) < _BLOCK:
                return

    def _format(self) -> int:
        """Return the format that the first two bytes show. Some servers send deflate without the format of zlib (RFC 1950)."""
        if self._coding != "deflate":
            return _GZIP
        return _ZLIB if self._rest[0] & 15 == 8 and int.from_bytes(self._rest[:2], "big") % 31 == 0 else _BARE
