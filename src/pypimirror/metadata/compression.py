"""Decompresses untrusted streams in bounded memory, up to a limit in bytes and thereby in time."""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from collections.abc import Callable
from typing import IO, Any

from .errors import InvalidContent

#: Bytes that are read and unpacked at once.
_BLOCK = 1 << 18
#: Limit on the dictionary of an xz stream in bytes. ``xz -9`` uses 65 MB; a header can demand 4 GB.
_MAX_XZ_MEMORY = 128 << 20
#: Factories of decompressors, by magic number.
_MAGIC: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_XZ_MEMORY)}
#: Names of formats that sdists do not use, by magic number, for messages.
_UNSUPPORTED = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x9d": "compress", b"LZIP": "lzip", b"7z\xbc\xaf\x27\x1c": "7z"}


def unpack_limit(packed: int, most: int, free: int, ratio: int = 200) -> int:
    """Return the limit on the unpacked size of a file: ``ratio`` times its size, at least ``free``, at most ``most``."""
    return min(most, max(free, ratio * packed))


class Unpacker:
    """Reads a compressed or plain file forward. The magic number selects the format, not the file name.

    All methods raise InvalidContent: damaged, truncated, or more than ``limit`` bytes.
    """

    def __init__(self, stream: IO[bytes], limit: int):
        """stream: seekable, at its beginning."""
        self._stream, self._limit = stream, limit
        start = stream.read(6)
        stream.seek(0, os.SEEK_SET)
        unsupported = next((name for magic, name in _UNSUPPORTED.items() if start.startswith(magic)), None)
        if unsupported:
            raise InvalidContent(f"compressed with {unsupported}, which is not supported")
        self._make = next((make for magic, make in _MAGIC.items() if start.startswith(magic)), None)
        self._decompressor: Any = None
        self._packed = b""
        #: Whether a member was begun: zeros may follow each member.
        self._begun = False
        #: Unpacked bytes, unread from the position on.
        self._unpacked, self._position = b"", 0
        #: Bytes unpacked so far.
        self.count = 0

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes; fewer only at the end."""
        parts, missing = [], size
        while missing > 0 and (self._position < len(self._unpacked) or self._fill()):
            part = self._unpacked[self._position:self._position + missing]
            self._position += len(part)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Read and drop ``size`` bytes. Raises InvalidContent if there are fewer."""
        while size > 0:
            if self._position == len(self._unpacked) and not self._fill():
                raise InvalidContent("cut off")
            step = min(size, len(self._unpacked) - self._position)
            self._position += step
            size -= step

    def drain(self) -> None:
        """Read to the end."""
        while self._fill():
            pass

    def _fill(self) -> bool:
        """Unpack the next block; return False at the end."""
        self._position = 0
        try:
            self._unpacked = self._stream.read(_BLOCK) if self._make is None else self._decompress(self._make)
        except (OSError, EOFError, ValueError, MemoryError, zlib.error, lzma.LZMAError) as error:
            raise InvalidContent(_reason(error)) from error
        self.count += len(self._unpacked)
        if self.count > self._limit:
            size = f"{self._limit >> 30} GB" if self._limit >> 30 else f"{self._limit >> 20} MB"
            raise InvalidContent(f"it unpacks to more than {size}")
        return bool(self._unpacked)

    def _decompress(self, make: Callable[[], Any]) -> bytes:
        while True:
            if not self._packed and getattr(self._decompressor, "needs_input", True):
                self._packed = self._stream.read(_BLOCK)
                if not self._packed:
                    if self._decompressor is not None:
                        raise EOFError("cut off")
                    return b""
            if self._decompressor is None:  # at the beginning of each member
                self._packed = self._packed.lstrip(b"\0") if self._begun else self._packed
                if not self._packed:
                    continue
                self._decompressor, self._begun = make(), True
            data: bytes = self._decompressor.decompress(self._packed, _BLOCK)
            self._packed = getattr(self._decompressor, "unconsumed_tail", b"")
            if self._decompressor.eof:
                self._packed = self._decompressor.unused_data
                self._decompressor = None
            if data:
                return data


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:120] if text.isprintable() and text else type(error).__name__
