"""Reads distributions that lie on this machine: whether they are whole, and the core metadata inside.

Wheels: ``METADATA`` in the ``.dist-info`` directory. Eggs: ``EGG-INFO/PKG-INFO``. Sdists: ``PKG-INFO`` (PEP 643).
No code of theirs is run.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from ..names import shown

#: Bytes; a description is part of it.
_LONGEST = 16 << 20
_BLOCK = 1 << 20
#: The end of a ZIP archive without comment (APPNOTE 4.3.16): signature, four numbers, bytes of its directory, where, comment.
_END = struct.Struct("<4s4HLLH")
#: Bytes; it is read whole.
_LONGEST_DIRECTORY = 4 << 20
_INSIDE = {".whl": re.compile(r"[^/]+\.dist-info/METADATA"), ".egg": re.compile(r"EGG-INFO/PKG-INFO")}
_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar")
_OPEN: Mapping[str, Callable[[str], Any]] = {
    ".gz": gzip.GzipFile, ".tgz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".tbz": bz2.BZ2File, ".xz": lzma.LZMAFile}
#: What a damaged archive makes the libraries raise.
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
           tarfile.TarError, struct.error)


class Broken(Exception):
    """A distribution can't be read; the message says why."""


def core_metadata(path: str) -> bytes | None:
    """Return the core metadata of a distribution, or None where it carries none. Raises Broken."""
    ending = os.path.splitext(path)[1]
    try:
        if ending in _INSIDE:
            return _in_zip(path, _INSIDE[ending], required=ending == ".whl")
        if ending == ".zip" or path.endswith(_TARS):
            return _in_sdist(path)
    except _BROKEN as error:
        raise Broken(_why(error)) from error
    return None


def wheel_metadata(stream: BinaryIO) -> bytes | None:
    """Return METADATA of a wheel, or None for a wheel whose directory is too large to be worth reading. Raises Broken."""
    try:
        stream.seek(-_END.size, os.SEEK_END)
        signature, *_, size, _, comment = _END.unpack(stream.read(_END.size))
        if signature != b"PK\5\6" or comment or size > _LONGEST_DIRECTORY:
            return None
        return _in_zip(stream, _INSIDE[".whl"], required=True)
    except _BROKEN as error:
        raise Broken(_why(error)) from error


def check(path: str) -> None:
    """Read an archive to its end. Raises Broken for one that is cut off or damaged."""
    ending = os.path.splitext(path)[1]
    try:
        if ending in (".zip", *_INSIDE):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise Broken(f"{shown(damaged)} in it is damaged")
        elif ending in _OPEN:
            with _OPEN[ending](path) as stream:
                while stream.read(_BLOCK):
                    pass
    except _BROKEN as error:
        raise Broken(_why(error)) from error


def _in_zip(path: str | BinaryIO, wanted: re.Pattern[str], required: bool) -> bytes | None:
    with zipfile.ZipFile(path) as archive:
        found = [info for info in archive.infolist() if wanted.fullmatch(info.filename)]
        if len(found) != 1 or found[0].file_size > _LONGEST:
            if required:
                raise Broken("it has no METADATA" if not found else "its METADATA is not one file of reasonable size")
            return None
        return archive.read(found[0])


def _in_sdist(path: str) -> bytes | None:
    from ..pins.build import read_sdist  # loads packaging

    if not (zipfile.is_zipfile(path) if path.endswith(".zip") else tarfile.is_tarfile(path)):
        raise Broken("not an archive of the kind that its name says")
    with open(path, "rb") as stream:
        return read_sdist(stream, os.path.basename(path)).metadata


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error) or type(error).__name__)
