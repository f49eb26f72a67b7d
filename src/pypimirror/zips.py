"""Zip archives from elsewhere, read without taking more memory than is reasonable, whatever they say of themselves.

The library reads the whole directory of an archive at once, and undoes bzip2 and LZMA in one go for as much as it is given.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

#: Bytes of an archive's directory; each file takes 46 and its name, and some ten times as much in memory.
_MOST_DIRECTORY = 16 << 20
#: The end of an archive (APPNOTE 4.3.16): its signature, and the bytes up to the comment, which may be so long.
_END, _END_SIZE, _LONGEST_COMMENT = b"PK\5\6", 22, (1 << 16) - 1
#: What stands before it in an archive with numbers of 64 bits (4.3.15), which can be as large as they like.
_LOCATOR, _LOCATOR_SIZE = b"PK\6\7", 20
_BLOCK = 1 << 20
#: What the directory says of one file (4.3.12): method, length packed and unpacked, that of its name, place; and what stands
#: before its content (4.3.7): the lengths of its name and of what else is said there.
_ENTRY, _ENTRY_SIGN, _ENTRY_SIZE = struct.Struct("<10xH8xLLH12xL"), b"PK\1\2", 46
_HEADER = struct.Struct("<26xHH")
#: How tools pack distributions. With other methods a few bytes can unpack to gigabytes at once.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def opened(stream: IO[bytes], most: int = _MOST_DIRECTORY) -> zipfile.ZipFile:
    """Open an archive. most: bytes of its directory. Raises BadZipFile, also for one with a larger directory."""
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(max(0, size - _END_SIZE - _LOCATOR_SIZE - _LONGEST_COMMENT))
    tail = stream.read(_END_SIZE + _LOCATOR_SIZE + _LONGEST_COMMENT)
    at = tail.rfind(_END)
    if at >= 0 and len(tail) - at >= _END_SIZE:
        directory: int = struct.unpack_from("<L", tail, at + 12)[0]
        if directory > most or tail[max(0, at - _LOCATOR_SIZE):at].startswith(_LOCATOR):
            raise zipfile.BadZipFile("its directory is too large")
    return zipfile.ZipFile(stream)


def pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of one file.

    Raises BadZipFile if it is not what its checksum says, NotImplementedError for unusual methods, and what the library raises.
    """
    if info.compress_type not in _METHODS:
        raise NotImplementedError("packed by a method that no tool packs distributions with")
    with archive.open(info) as member:
        while block := member.read(_BLOCK):
            yield block


def content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return the content of one file, which is as long as its entry says; callers look at that before."""
    return b"".join(pieces(archive, info))


def glance(body: bytes, ending: bytes, most: int) -> bytes | None:
    """Return the content of the last file of an archive in memory whose name ends so; None where that is not plain to see.

    It costs the same however many files there are, while the library reads all entries. Nothing is made sure of: callers know
    the hash of what they look for. most: bytes of the content.
    """
    end = body.rfind(_END)
    name = body.rfind(ending, 0, max(0, end))
    entry = body.rfind(_ENTRY_SIGN, 0, max(0, name))
    try:
        method, packed, unpacked, length, place = _ENTRY.unpack_from(body, max(0, entry))
        start = place + sum((30, *_HEADER.unpack_from(body, place)))
        if entry < 0 or name + len(ending) != entry + _ENTRY_SIZE + length or unpacked > most:
            return None
        content = body[start:start + packed]
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, most) if method == zipfile.ZIP_DEFLATED else content
    except (struct.error, zlib.error):
        return None
