"""Reads the core metadata and the embedded SBOMs of a release out of the mirror's files."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from ..errors import MirrorError
from ..interfaces import IStorage
from ..metadata.archives import wheel_metadata
from ..metadata.core_metadata import fields
from ..metadata.errors import InvalidContent
from ..metadata.zips import ZipReader
from ..model import File
from ..names import METADATA
from ..pins.sdist import read_sdist

_SBOM = re.compile(r"[^/]+\.dist-info/sboms/(?P<path>.*[^/])")
#: Part of the names of such files, which the directory of an archive has as they are.
_MARK = b".dist-info/sboms/"
#: End record of an archive (APPNOTE 4.3.16): size and offset of the directory, which begins with the signature of an entry.
_END, _END_SIGNATURE = struct.Struct("<12xLL2x"), b"PK\5\6"
_ENTRY = b"PK\1\2"
_TAIL = 1 << 16
#: Bytes of one embedded SBOM, and their number in one wheel.
_LARGEST, _MOST = 16 << 20, 1000


class ReleaseMetadata(NamedTuple):
    """What a release states about itself."""

    #: Values by lower-case field name.
    fields: dict[str, list[str]]
    #: Requirements (PEP 508).
    requires: tuple[str, ...]


def read_metadata(storage: IStorage, project: str, files: Sequence[File]) -> ReleaseMetadata | None:
    """Return the metadata of a release: of a wheel, else of an sdist or an egg; None if no file has any.

    Raises MirrorError, InvalidContent if no file has readable ones.
    """
    failed: Exception | None = None
    for file in sorted(files, key=lambda file: (not file.filename.endswith(".whl"), file.filename.endswith(".egg"),
                                                file.filename)):
        try:
            found = _read_from_file(storage, f"{project}/{file.filename}", file)
        except (MirrorError, InvalidContent) as error:
            failed = failed or InvalidContent(f"{file.filename}: {error}")
        else:
            if found is not None:
                return found
    if failed is not None:
        raise failed
    return None


def _read_from_file(storage: IStorage, path: str, file: File) -> ReleaseMetadata | None:
    """Return the metadata in a file, None if it has none. Raises MirrorError, InvalidContent."""
    if file.filename.endswith(".whl"):
        content = storage.read(path + METADATA) if file.stored is not None and file.stored.metadata else None
        if content is None:
            with storage.open(path) as stream:
                content = wheel_metadata(stream)
        found = fields(content)
        return ReleaseMetadata(found, tuple(found.get("requires-dist", ())))
    if not file.filename.endswith((".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".tar", ".zip", ".egg")):
        return None
    with storage.open(path) as stream:
        sdist = read_sdist(stream, file.filename)
    if sdist.metadata is None:
        if sdist.problems:
            raise InvalidContent("; ".join(sdist.problems))
        return None
    found = fields(sdist.metadata)
    return ReleaseMetadata(found, tuple(found.get("requires-dist", ())) if sdist.requires is None else sdist.requires)


def embedded_sboms(storage: IStorage, path: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield the embedded SBOMs of a wheel: path in the wheel, path below ``sboms``, content.

    Raises MirrorError, InvalidContent.
    """
    with storage.open(path) as stream:
        if not _may_have_sboms(stream):
            return
        archive = ZipReader(stream)
        found = [(match["path"], info) for info in archive.entries if (match := _SBOM.fullmatch(info.filename))]
        if len(found) > _MOST:
            raise InvalidContent(f"it has more than {_MOST} embedded SBOMs")
        for name, info in found:
            if info.file_size > _LARGEST:
                raise InvalidContent(f"{name} in it is larger than {_LARGEST >> 20} MB")
            yield info.filename, name, archive.read(info)


def sha256_of(content: bytes) -> str:
    """Return the hex digest of a content."""
    return hashlib.sha256(content).hexdigest()


def _may_have_sboms(stream: BinaryIO) -> bool:
    """Return whether the directory of an archive can name embedded SBOMs.

    Nearly all have none, and ZipReader takes much longer.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        return True
    length, offset = _END.unpack_from(tail, at)
    if length > _TAIL or offset + length > size:  # large, damaged, or in the format for large archives
        return True
    stream.seek(offset)
    directory = stream.read(length)
    return not directory.startswith(_ENTRY) or _MARK in directory
