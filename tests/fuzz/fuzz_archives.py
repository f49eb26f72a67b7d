"""Targets for distribution files: archives as such, and the core metadata in them."""

from __future__ import annotations

import io
import os
import re
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

from pypimirror.metadata import archives
from pypimirror.metadata.compression import Unpacker
from pypimirror.metadata.core_metadata import check_release, fields, parse_email
from pypimirror.metadata.errors import InvalidContent
from pypimirror.metadata.tars import TarReader
from pypimirror.metadata.zips import ZipReader, find_last
from pypimirror.names import is_distribution
from pypimirror.pins import sdist
from pypimirror.upstream.flat_directory import FlatDirectorySource

_LIMIT = 8 << 20


def tar(body: bytes) -> None:
    """Check that no more is unpacked than the limit says."""
    unpacker = Unpacker(io.BytesIO(body), _LIMIT)
    with suppress(InvalidContent):
        reader = TarReader(unpacker)
        for member in reader:
            if member.is_file and member.size < _LIMIT:
                assert len(reader.read()) == member.size
    assert unpacker.count <= _LIMIT + (1 << 19)
    with suppress(InvalidContent):
        archives.read_sdist_files(io.BytesIO(body), "bad-1.0.tar.gz", re.compile(sdist._WANTED))


def zip_(body: bytes) -> None:
    """Check that files have the size that the directory says, and that the quick search finds what the reader does."""
    archive = ZipReader(io.BytesIO(body))
    archive.unpacked_size()
    for info in archive.entries:
        if info.file_size < _LIMIT:
            with suppress(InvalidContent):
                assert len(archive.read(info)) == info.file_size
    archives.read_sdist_files(io.BytesIO(body), "bad-1.0.zip", re.compile(sdist._WANTED))


def wheel(body: bytes) -> None:
    find_last(body, b".dist-info/METADATA", _LIMIT)
    assert len(archives.wheel_metadata(io.BytesIO(body))) <= archives.MAX_METADATA


def archive_file(body: bytes) -> None:
    """Check what ``verify`` and ``local_packages`` do: whole archives, by the ending of their name (the first byte)."""
    endings = (".whl", ".zip", ".egg", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".exe")
    name = f"bad-1.0{endings[body[0] % len(endings)]}" if body else "bad-1.0.zip"
    with tempfile.NamedTemporaryFile(dir=_FOLDER, suffix=name) as stream:
        stream.write(body[1:])
        stream.flush()
        with suppress(InvalidContent):
            archives.check(stream.name)
        archives.core_metadata(stream.name)


def metadata(body: bytes) -> None:
    for values in fields(body).values():
        assert all(len(value.splitlines()) <= 1 for value in values)
    sdist._requires_dist(body)
    with suppress(InvalidContent):
        parse_email(body)
    check_release(body, "bad", "bad-1.0.tar.gz")


def local_file(body: bytes) -> None:
    """Check a directory of distributions with one sdist that has this core metadata."""
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        with tarfile.open(os.path.join(folder, "bad-1.0.tar.gz"), "w") as archive:
            member = tarfile.TarInfo("bad-1.0/PKG-INFO")
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
        source = FlatDirectorySource(SimpleNamespace(url=f"file://{folder}"), None)  # type: ignore[arg-type]
        project, problems = source.project("bad")
    assert project is not None and len(project.files) + len(problems) == 1
    assert all(is_distribution(file.filename) for file in project.files)
    assert all(len(line.splitlines()) == 1 and line.isprintable() for line in problems)


#: In memory where the system has such a place.
_FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None

TARGETS: dict[str, Callable[[bytes], object]] = {
    "tar": tar, "zip": zip_, "wheel": wheel, "archive-file": archive_file, "metadata": metadata, "local-file": local_file}
