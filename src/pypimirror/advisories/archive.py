"""The documents of one source of advisories: the members of a zip archive, or the JSON files of a directory."""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, NamedTuple

from ..errors import MirrorError
from ..regular_file import open_regular

#: Limits of one document in bytes, of the number of documents, and of the depth of folders.
MOST_BYTES, MOST_DOCUMENTS, _DEEPEST = 8 << 20, 2_000_000, 8
_SUFFIX = ".json"
#: Limit of all documents of an archive in bytes: those of all ecosystems together have a tenth of it.
_MOST_UNPACKED = 16 << 30
#: Errors of the library for archives that are damaged, encrypted, or packed in a way that it does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)


class AdvisoryFile(NamedTuple):
    """One document."""

    #: A text that changes with the content.
    fingerprint: str
    #: Returns the content. Raises OSError, ValueError.
    read: Callable[[], bytes]


@contextmanager
def open_source(path: str) -> Iterator[Mapping[str, AdvisoryFile]]:
    """Open a source; yield its documents by name. Raises MirrorError if it can't be read, or has too many documents."""
    try:
        if os.path.isdir(path):
            yield _limit_number(_documents_in_folder(path, "", 0), path)
            return
        with open_regular(path) as stream, _open_archive(stream) as archive:
            yield _limit_number(_documents_in_archive(archive, path), path)
    except _DAMAGED as error:
        raise MirrorError(f"{path}: neither a directory nor an intact zip archive: {error}") from error
    except OSError as error:
        raise MirrorError(f"{path}: can't be read: {error.strerror or error}") from error


def _open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except (ValueError, OverflowError, struct.error) as error:  # such as a name that is not UTF-8, whatever its flag is
        raise zipfile.BadZipFile(str(error)) from error


def change_stamp(path: str) -> str | None:
    """Return a text that changes with an archive; None for a directory, whose files are compared one by one. Raises OSError."""
    found = os.stat(path)
    return None if stat.S_ISDIR(found.st_mode) else f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"


def _limit_number(members: Iterator[tuple[str, AdvisoryFile]], path: str) -> dict[str, AdvisoryFile]:
    """Return the documents by name. Raises MirrorError if there are too many."""
    found: dict[str, AdvisoryFile] = {}
    for name, member in members:
        if len(found) >= MOST_DOCUMENTS:
            raise MirrorError(f"{path}: more than {MOST_DOCUMENTS} documents")
        found[name] = member
    return found


def _documents_in_archive(archive: zipfile.ZipFile, path: str) -> Iterator[tuple[str, AdvisoryFile]]:
    total = 0
    for info in archive.infolist():
        if info.filename.endswith(_SUFFIX) and not info.is_dir():
            total += min(info.file_size, MOST_BYTES)  # of what is larger no more is read
            if total > _MOST_UNPACKED:
                raise MirrorError(f"{path}: more than {_MOST_UNPACKED >> 30} GB of documents")
            yield info.filename, AdvisoryFile(f"{info.CRC:08x}-{info.file_size}", partial(_read_member, archive, info))


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        return _check_length(stream.read(MOST_BYTES + 1))


def _documents_in_folder(path: str, folder: str, depth: int) -> Iterator[tuple[str, AdvisoryFile]]:
    with os.scandir(os.path.join(path, folder)) as entries:
        for entry in entries:
            name = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEEPEST:
                    yield from _documents_in_folder(path, f"{name}/", depth + 1)
            elif entry.name.endswith(_SUFFIX) and entry.is_file():
                found = entry.stat()
                yield name, AdvisoryFile(f"{found.st_mtime_ns}-{found.st_size}", partial(_read_file, entry.path))


def _read_file(path: str) -> bytes:
    with open_regular(path) as stream:
        return _check_length(stream.read(MOST_BYTES + 1))


def _check_length(body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES >> 20} MB")
    return body
