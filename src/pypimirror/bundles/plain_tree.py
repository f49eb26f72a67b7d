"""A plain tree in place of parts, for a site without this program: its files, and a list of what to remove there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..regular_file import open_regular
from .contents import copy_file
from .directory import REMOVED, TREE, BundleDirectory
from .manifest import Manifest
from .model import RECORDS, BundleMember, RemovedPath

_BLOCK = 1 << 20


class PlainTree:
    """Writes the tree of one bundle."""

    def __init__(self, mirror: IRunContext, directory: BundleDirectory):
        self._mirror, self._directory = mirror, directory
        path = mirror.settings["mirror_file_path"]
        #: The directory of the mirror; None for an object store, whose files can't be linked.
        self._root = None if "://" in path else path

    def write(self, manifest: Manifest) -> None:
        """Write all files: hard links where the disk is the same, else copies. Complete ones of an earlier run are kept."""
        for line in manifest:
            if isinstance(line, BundleMember):
                self._write_member(line, manifest.header.time)
        with self._directory.written(REMOVED) as stream:
            for path in _removed_paths(manifest):
                stream.write(path.encode() + b"\n")

    def _write_member(self, member: BundleMember, time: int) -> None:
        """Link or copy a file, unless it is there already. Raises MirrorError if it differs from the manifest."""
        name = f"{TREE}/{member.path}"
        target = self._directory.name(name)
        if self._directory.size(name) == member.size and _sha256_of(target) == member.sha256:
            return
        with self._directory.errors():
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with suppress(FileNotFoundError):
                os.unlink(target)
        if self._link(member.path, target):
            if _sha256_of(target) != member.sha256:
                raise _difference_error(member)
            return
        with self._directory.written(name) as stream:
            self._copy_member(member, stream)

    def _link(self, path: str, target: str) -> bool:
        """Link a file of the mirror; return whether that was possible."""
        if self._root is None:
            return False
        try:
            os.link(os.path.join(self._root, path), target, follow_symlinks=False)
        except OSError:
            return False  # another disk, or one without hard links: the file is copied
        return True

    def _copy_member(self, member: BundleMember, stream: BinaryIO) -> None:
        if copy_file(self._mirror, member.path, stream) != (member.size, member.sha256):
            raise _difference_error(member)


def _removed_paths(manifest: Manifest) -> Iterator[str]:
    return (line.path for line in manifest if isinstance(line, RemovedPath) and not line.path.startswith(RECORDS))


def _difference_error(member: BundleMember) -> MirrorError:
    return MirrorError(f"{member.path}: differs from what the state has of it; run verify --repair before the export")


def _sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
