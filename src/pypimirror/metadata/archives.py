"""Distribution files as archives: reads the metadata inside, and checks that they are complete. Runs no code from them.

Wheels have ``METADATA`` in the ``.dist-info`` directory, eggs ``EGG-INFO/PKG-INFO``, sdists ``PKG-INFO`` (PEP 643).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import IO

from ..regular_file import open_regular
from .compression import Unpacker, unpack_limit
from .errors import InvalidContent
from .tars import TarReader
from .zips import MAX_DIRECTORY, ZipReader, is_zip, reason

#: Bytes of core metadata; a description is part of it.
MAX_METADATA = 16 << 20
#: Bytes of one file that is read from an sdist, and of all such files together. Common ones have some kilobytes.
_MAX_FILE, _MAX_FILES = 1 << 20, 8 << 20
#: Bytes that an sdist may unpack to when it is read, and any archive when it is checked; the second limits are for small files.
_MAX_SDIST, _FREE_SDIST = 1 << 30, 64 << 20
_MAX_UNPACKED, _FREE_UNPACKED = 64 << 30, 1 << 30
#: Bytes of the directory of a wheel that was just fetched; each thread may read one.
_MAX_WHEEL_DIRECTORY = 4 << 20
_INSIDE = {".whl": re.compile(r"[^/]+\.dist-info/METADATA"), ".egg": re.compile(r"EGG-INFO/PKG-INFO")}
_ZIPS = (".zip", *_INSIDE)
_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".tar")
_PKG_INFO = re.compile("PKG-INFO")


def read_sdist_files(stream: IO[bytes], filename: str, wanted: re.Pattern[str]) -> dict[str, bytes]:
    """Return files of an sdist, by path below its top folder.

    Args:
        stream: seekable, at its beginning.
        filename: its ending selects zip or tar.
        wanted: matches whole paths. Files of more than 1 MB are left out. The last of several members with one name counts,
            as when all are unpacked.

    Raises InvalidContent: not an archive, damaged, or beyond a limit.
    """
    found: dict[str, bytes] = {}
    members = _zip_files(stream, wanted) if filename.endswith(".zip") else _tar_files(stream, wanted)
    for name, content in members:
        found[name] = content
        if sum(map(len, found.values())) > _MAX_FILES or len(found) > 100:
            raise InvalidContent("too many build configuration files")
    return found


def core_metadata(path: str) -> bytes | None:
    """Return the core metadata of a distribution file, or None if it has none. Raises InvalidContent."""
    ending = os.path.splitext(path)[1]
    try:
        with open_regular(path) as stream:
            if ending in _INSIDE:
                return _read_zip_member(ZipReader(stream), _INSIDE[ending], required=ending == ".whl")
            if path.endswith((".zip", *_TARS)):
                return read_sdist_files(stream, path, _PKG_INFO).get("PKG-INFO")
    except OSError as error:
        raise InvalidContent(reason(error)) from error
    return None


def wheel_metadata(stream: IO[bytes]) -> bytes:
    """Return the METADATA of a wheel. stream: seekable. Raises InvalidContent."""
    found = _read_zip_member(ZipReader(stream, _MAX_WHEEL_DIRECTORY), _INSIDE[".whl"], required=True)
    assert found is not None
    return found


def check(path: str, filename: str | None = None) -> bool:
    """Read an archive to its end; return whether the file is of a format that can be checked.

    Installers (``.exe``) are checked if they end with a zip archive.
    filename: of the distribution, if the path is a temporary one without its suffix. Raises InvalidContent for an archive that
    is truncated, damaged, empty, or unpacks to an unreasonable size.
    """
    filename = filename or path
    try:
        with open_regular(path) as stream:
            if filename.endswith(_ZIPS) or (filename.endswith(".exe") and is_zip(stream)):
                _check_zip(stream)
            elif filename.endswith(_TARS):
                _check_tar(stream)
            else:
                return False
    except OSError as error:
        raise InvalidContent(reason(error)) from error
    return True


def _check_zip(stream: IO[bytes]) -> None:
    archive = ZipReader(stream, MAX_DIRECTORY)
    limit = unpack_limit(archive.size, _MAX_UNPACKED, _FREE_UNPACKED)
    if archive.unpacked_size() > limit:
        raise InvalidContent(f"it unpacks to more than {limit >> 20} MB")
    for info in archive.entries:
        for _ in archive.blocks(info):
            pass


def _check_tar(stream: IO[bytes]) -> None:
    unpacker = Unpacker(stream, unpack_limit(_size(stream), _MAX_UNPACKED, _FREE_UNPACKED))
    count = sum(1 for _ in TarReader(unpacker))
    unpacker.drain()
    if not count:
        raise InvalidContent("it is empty")


def _read_zip_member(archive: ZipReader, wanted: re.Pattern[str], required: bool) -> bytes | None:
    found = [info for info in archive.entries if wanted.fullmatch(info.filename)]
    if len(found) != 1 or found[0].file_size > MAX_METADATA:
        if required:
            raise InvalidContent("it has no METADATA" if not found else "its METADATA is not one file of reasonable size")
        return None
    return archive.read(found[0])


def _zip_files(stream: IO[bytes], wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    archive = ZipReader(stream)
    for info in archive.entries:
        name = _below_top(info.filename)
        if wanted.fullmatch(name) and info.file_size <= _MAX_FILE:
            yield name, archive.read(info)


def _tar_files(stream: IO[bytes], wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    archive = TarReader(Unpacker(stream, unpack_limit(_size(stream), _MAX_SDIST, _FREE_SDIST)))
    for member in archive:
        name = _below_top(member.name)
        if member.is_file and wanted.fullmatch(name) and member.size <= _MAX_FILE:
            yield name, archive.read()


def _below_top(path: str) -> str:
    """Return a path without its first folder; an empty text for a path without folders."""
    return path.removeprefix("./").partition("/")[2]


def _size(stream: IO[bytes]) -> int:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size
