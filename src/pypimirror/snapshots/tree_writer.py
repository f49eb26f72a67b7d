"""Writes a new snapshot into the tree of a mirror."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..errors import StorageError
from ..storage import directories
from ..storage.failures import storage_errors
from .model import DESCRIPTION, INDEX, Snapshot

if TYPE_CHECKING:
    from .places import FileCopy

#: Permissions of files.
_FILE_MODE = 0o644


class TreeWriter:
    """Implements ``places.SnapshotWriter``: in a temporary folder, which gets its name at the end."""

    def __init__(self, root: str, made: str, install: Callable[[str], None]):
        """root: of the mirror. made: the temporary folder. install: moves it to its place."""
        self._root, self._made, self._install = root, made, install
        self._index = os.path.join(made, INDEX)
        with storage_errors(self._made):
            directories.make(self._index)

    def project(self, name: str, files: Iterable[FileCopy], pages: Iterable[tuple[str, bytes]]) -> None:
        with storage_errors(self._made):
            directories.make(os.path.join(self._index, name))
            for file in files:
                self._link(name, file)
            for path, page in pages:
                place = os.path.join(self._index, path)
                directories.make(os.path.dirname(place))
                write_file(place, (page,))

    def _link(self, name: str, file: FileCopy) -> None:
        path = f"{name}/{file.filename}"
        source, target = os.path.join(self._root, path), os.path.join(self._index, path)
        try:
            for suffix in ("", *file.suffixes):
                link(source + suffix, target + suffix)
        except FileNotFoundError as error:
            missing = os.path.relpath(error.filename, self._root)
            raise StorageError(f"{missing}: missing; run verify --repair first") from None
        found = os.path.getsize(target)
        if found != file.size:
            raise StorageError(f"{path}: has {found} bytes, expected {file.size}; run verify --repair first")

    def finish(self, pages: Iterable[tuple[str, Iterable[bytes]]], snapshot: Snapshot) -> None:
        with storage_errors(self._made):
            for path, blocks in pages:
                write_file(os.path.join(self._index, path), blocks)
            write_file(os.path.join(self._made, DESCRIPTION), (snapshot.encode(),))
        self._install(self._made)

    def close(self) -> None:
        """Do nothing: the next run deletes what is unfinished."""


def link(source: str, target: str) -> None:
    """Link a file, or copy it where the file system has no hard links, or not so many. Raises OSError."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def write_file(path: str, blocks: Iterable[bytes]) -> None:
    """Write a new file that web servers can read. Raises OSError."""
    with open(path, "xb") as stream:
        for block in blocks:
            stream.write(block)
        os.fchmod(stream.fileno(), _FILE_MODE)
