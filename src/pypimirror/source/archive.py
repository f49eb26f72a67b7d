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
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from .. import zips
from ..names import shown

#: Bytes; a description is part of it.
_LONGEST = 16 << 20
_BLOCK = 1 << 20
#: Of everything in an archive, unpacked: stops those that unpack without end.
_MOST_UNPACKED = 64 << 30
#: Of the directory of a wheel that was just fetched, one in each thread.
_MOST_DIRECTORY = 4 << 20
_INSIDE = {".whl": re.compile(r"[^/]+\.dist-info/METADATA"), ".egg": re.compile(r"EGG-INFO/PKG-INFO")}
_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar")
_OPEN: Mapping[str, Callable[[str], Any]] = {
    ".gz": gzip.GzipFile, ".tgz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".tbz": bz2.BZ2File, ".xz": lzma.LZMAFile}
#: What a damaged archive makes the libraries raise.
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, MemoryError, NotImplementedError, zlib.error, lzma.LZMAError,
           zipfile.BadZipFile, tarfile.TarError)


class Broken(Exception):
    """A distribution can't be read; the message says why."""


def core_metadata(path: str) -> bytes | None:
    """Return the core metadata of a distribution, or None where it carries none. Raises Broken."""
    ending = os.path.splitext(path)[1]
    try:
        if ending in _INSIDE:
            with open(path, "rb") as stream:
                return _in_zip(zips.opened(stream), _INSIDE[ending], required=ending == ".whl")
        if ending == ".zip" or path.endswith(_TARS):
            return _in_sdist(path)
    except _BROKEN as error:
        raise Broken(_why(error)) from error
    return None


def wheel_metadata(stream: BinaryIO) -> bytes | None:
    """Return METADATA of a wheel. Raises Broken."""
    try:
        return _in_zip(zips.opened(stream, _MOST_DIRECTORY), _INSIDE[".whl"], required=True)
    except _BROKEN as error:
        raise Broken(_why(error)) from error


def check(path: str) -> None:
    """Read an archive to its end. Raises Broken for one that is cut off or damaged."""
    ending = os.path.splitext(path)[1]
    try:
        if ending in (".zip", *_INSIDE):
            _check_zip(path)
        elif ending in _OPEN:
            size = 0
            with _OPEN[ending](path) as stream:
                while block := stream.read(_BLOCK):
                    size += len(block)
                    _check_size(size)
    except _BROKEN as error:
        raise Broken(_why(error)) from error


def _check_zip(path: str) -> None:
    with open(path, "rb") as stream, zips.opened(stream) as archive:
        _check_size(sum(info.file_size for info in archive.infolist()))
        for info in archive.infolist():
            try:
                for _ in zips.pieces(archive, info):
                    pass
            except zipfile.BadZipFile as error:
                raise Broken(f"{shown(info.filename)} in it is damaged") from error


def _check_size(size: int) -> None:
    if size > _MOST_UNPACKED:
        raise Broken(f"it unpacks to more than {_MOST_UNPACKED >> 30} GB")


def _in_zip(archive: zipfile.ZipFile, wanted: re.Pattern[str], required: bool) -> bytes | None:
    with archive:
        found = [info for info in archive.infolist() if wanted.fullmatch(info.filename)]
        if len(found) != 1 or found[0].file_size > _LONGEST:
            if required:
                raise Broken("it has no METADATA" if not found else "its METADATA is not one file of reasonable size")
            return None
        return zips.content(archive, found[0])


def _in_sdist(path: str) -> bytes | None:
    from ..pins.build import contents  # loads packaging

    with open(path, "rb") as stream:
        return contents(stream, os.path.basename(path)).get("PKG-INFO")


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error) or type(error).__name__)
