"""Reads untrusted zip archives in bounded memory and time.

The standard library reads the whole directory at once, at a place that it finds by undocumented rules, and unpacks a bzip2 or
LZMA block at once. Therefore it gets a file object that limits its reads.
"""

from __future__ import annotations

import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from ..names import shown
from .errors import InvalidContent

#: Bytes and entries of an archive's directory, which needs some ten times as much memory. The largest wheels have some 20,000
#: files.
MAX_DIRECTORY = 16 << 20
_MAX_ENTRIES = 100_000
_BLOCK = 1 << 20
#: Signature of an end record (APPNOTE 4.3.16).
_END = b"PK\5\6"
#: Directory entry (4.3.12): method, packed size, size, length of the name, offset; and the local header (4.3.7): lengths of the
#: name and of the extra field.
_ENTRY, _ENTRY_SIGNATURE, _ENTRY_SIZE = struct.Struct("<10xH8xLLH12xL"), b"PK\1\2", 46
_HEADER = struct.Struct("<26xHH")
#: Compression methods of distributions. With other methods a few bytes can unpack to gigabytes at once.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: Errors that the library raises for damaged archives.
_DAMAGED = (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError, MemoryError, OverflowError,
            struct.error, zlib.error, lzma.LZMAError)


class ZipReader:
    """An open archive. All methods raise InvalidContent."""

    def __init__(self, stream: IO[bytes], max_directory: int = MAX_DIRECTORY):
        """stream: seekable; stays open. max_directory: bytes."""
        self._stream = _LimitedFile(stream, max_directory)
        try:
            self._archive = zipfile.ZipFile(self._stream)
            self.size = stream.seek(0, os.SEEK_END)
        except _DAMAGED as error:
            raise InvalidContent(reason(error)) from error
        self._stream.in_directory = False
        self.entries = self._archive.infolist()

    def unpacked_size(self) -> int:
        """Return the unpacked size of all files by the directory. Raises InvalidContent if files overlap (zip bomb)."""
        if sum(info.compress_size for info in self.entries) > self.size:
            raise InvalidContent("its files overlap")
        return sum(info.file_size for info in self.entries)

    def blocks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the content of a file, with size and checksum verified at the end."""
        if info.compress_type not in _METHODS:
            raise InvalidContent("unsupported compression method")
        try:
            left = info.file_size
            with self._archive.open(info) as member:
                while block := member.read(_BLOCK):
                    left -= len(block)
                    yield block
            if left:  # the library takes a file that ends early for a whole one if the checksum fits
                raise zipfile.BadZipFile
        except zipfile.BadZipFile as error:
            raise InvalidContent(f"{shown(info.filename)} in it is damaged") from error
        except _DAMAGED as error:
            raise InvalidContent(reason(error)) from error

    def read(self, info: zipfile.ZipInfo) -> bytes:
        """Return the content of a file. Callers check ``info.file_size`` first."""
        return b"".join(self.blocks(info))


def is_zip(stream: IO[bytes]) -> bool:
    """Return whether a file ends with the end record of a zip archive, valid or not. stream: at its beginning afterwards."""
    try:
        return zipfile.is_zipfile(stream)
    except _DAMAGED:  # a record of several disks, for which the library has another answer
        return True
    finally:
        stream.seek(0)


class _LimitedFile(io.RawIOBase):
    """Limits how much the library reads at once."""

    def __init__(self, stream: IO[bytes], limit: int):
        self._stream, self._limit = stream, limit
        self.in_directory = True

    def read(self, size: int | None = -1) -> bytes:
        limit = max(self._limit, _BLOCK)
        if size is None or size < 0:
            size = limit + 1
        elif size > limit:
            raise zipfile.BadZipFile("its directory is too large")
        data = self._stream.read(size)
        if len(data) > limit or (self.in_directory and data.count(_ENTRY_SIGNATURE) > _MAX_ENTRIES):
            raise zipfile.BadZipFile("its directory is too large")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def find_last(body: bytes, ending: bytes, limit: int) -> bytes | None:
    """Return the content of the last file with a name that ends with ``ending``, or None if a quick search does not find it.

    The cost does not depend on the number of files: the library would read all entries. Nothing is verified; callers compare a
    hash. body: the archive. limit: bytes of the content.
    """
    end = body.rfind(_END)
    name = body.rfind(ending, 0, max(0, end))
    entry = body.rfind(_ENTRY_SIGNATURE, 0, max(0, name))
    try:
        method, packed, unpacked, length, place = _ENTRY.unpack_from(body, max(0, entry))
        start = place + sum((30, *_HEADER.unpack_from(body, place)))
        if entry < 0 or name + len(ending) != entry + _ENTRY_SIZE + length or unpacked > limit:
            return None
        content = body[start:start + packed]
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, limit) if method == zipfile.ZIP_DEFLATED else content
    except (struct.error, zlib.error):
        return None


def reason(error: Exception) -> str:
    """Return the message of an error of a library or the system, printable and on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error) or type(error).__name__)
