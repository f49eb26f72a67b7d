"""The snapshots in the tree of a mirror: reads, checks, promotes and deletes them.

A snapshot is a folder ``snapshots/NAME``: ``snapshot.json`` describes it, ``simple`` is its index. The files in it are hard
links to those of the mirror. So a snapshot keeps the content of its files whatever happens to those of the mirror, takes no
space for files that the mirror has too, and its index also works as a ``file:`` index, for which zc.buildout reads the folders.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from ..errors import StorageError
from ..names import HTML_PAGE, JSON_PAGE, PAGES, SNAPSHOTS
from ..regular_file import open_regular
from ..storage import directories
from ..storage.exchange import exchange
from ..storage.failures import storage_errors
from ..storage.paths import UNFINISHED
from .model import DESCRIPTION, INDEX, Snapshot, check_name, check_target, decode, folder, listed, no_snapshot, now
from .tree_writer import TreeWriter, link, write_file

_BLOCK = 1 << 20
#: Bytes of a description.
_MAX_DESCRIPTION = 1 << 16


class SnapshotTree:
    """Implements ``places.Snapshots``."""

    def __init__(self, root: str):
        """root: ``mirror_file_path``."""
        self.root = root

    def path(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)

    def temporary(self, name: str) -> str:
        """Return an unused path for a new snapshot; the next run deletes what an interrupted one leaves there."""
        return self.path(UNFINISHED, f"snapshot-{name}-{os.urandom(8).hex()}")

    def names(self) -> list[str]:
        """Return the names of all snapshots. Raises StorageError."""
        with storage_errors(self.path(SNAPSHOTS)):
            try:
                with os.scandir(self.path(SNAPSHOTS)) as entries:
                    return sorted(entry.name for entry in entries
                                  if entry.is_dir(follow_symlinks=False) and self._is_snapshot(entry.name))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def all(self) -> list[Snapshot]:
        """Return all snapshots by name. Raises StorageError."""
        return [self.get(name) for name in self.names()]

    def _is_snapshot(self, name: str) -> bool:
        return os.path.isfile(self.path(folder(name), DESCRIPTION))

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.path(folder(name)))

    def get(self, name: str) -> Snapshot:
        """Return a snapshot. Raises ConfigurationError if there is none of this name, StorageError if it can't be read."""
        try:
            with open_regular(self.path(folder(check_name(name)), DESCRIPTION)) as stream:
                return decode(stream.read(_MAX_DESCRIPTION), name)
        except (FileNotFoundError, NotADirectoryError):
            raise no_snapshot(name) from None
        except OSError as error:
            raise StorageError(f"{folder(name)}/{DESCRIPTION}: {error.strerror}") from error

    def files(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield path (``project/file``) and sha256 of the files that a snapshot's pages list. Raises StorageError."""
        index = self.path(folder(name), INDEX)
        with storage_errors(index):
            for project in sorted(entry.name for entry in os.scandir(index) if entry.is_dir(follow_symlinks=False)):
                page = os.path.join(index, project, JSON_PAGE)
                if os.path.isfile(page):
                    with open_regular(page) as stream:
                        content = stream.read()
                    yield from ((f"{project}/{filename}", sha256) for filename, sha256 in listed(content, page))

    def writing(self, name: str) -> TreeWriter:
        """Begin a new snapshot."""
        return TreeWriter(self.root, self.temporary(name), partial(self.install, name=name))

    def promote(self, name: str, target: str) -> Snapshot:
        """Show a snapshot under another name; readers see the old or the new one, and going back is the same step.

        Raises ConfigurationError if the target is a snapshot that was made under its name.
        """
        snapshot = self.get(name)
        check_target(self, name, target)
        promoted = snapshot._replace(name=target, promoted=name, promoted_at=now())
        made = self.temporary(target)
        with storage_errors(self.path(folder(target))):
            _link_tree(self.path(folder(name)), made)
            write_file(os.path.join(made, DESCRIPTION), (promoted.encode(),))
        self.install(made, target)
        return promoted

    def install(self, made: str, name: str) -> None:
        """Move a complete folder to its place; replaces an existing snapshot of this name in one step. Raises StorageError."""
        place = self.path(folder(name))
        with storage_errors(place):
            directories.make(os.path.dirname(place))
            _sync(self.root)
            if not os.path.lexists(place):
                os.rename(made, place)
            elif exchange(made, place):
                shutil.rmtree(made)
            else:
                # A file system without exchange: for an instant there is no folder of this name.
                old = self.temporary(name)
                os.rename(place, old)
                os.rename(made, place)
                shutil.rmtree(old)
            _sync(self.root)

    def delete(self, name: str) -> Snapshot:
        """Delete a snapshot: at once for readers, then its files. Raises ConfigurationError, StorageError."""
        snapshot = self.get(name)
        gone = self.temporary(name)
        with storage_errors(self.path(folder(name))):
            os.rename(self.path(folder(name)), gone)
            shutil.rmtree(gone)
            with suppress(OSError):  # not empty
                os.rmdir(self.path(SNAPSHOTS))
        return snapshot

    # --- verification

    def faults(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield path and message of each fault of a snapshot. Files that are those of the mirror are checked there."""
        base = f"{folder(name)}/{INDEX}"
        if not os.path.isfile(self.path(base, HTML_PAGE)):
            yield f"{base}/{HTML_PAGE}", "the page is missing"
        try:
            listed = list(self.files(name))
        except StorageError as error:
            yield base, str(error)
            return
        for path, sha256 in listed:
            here = self.path(base, path)
            if not os.path.isfile(here):
                yield f"{base}/{path}", "missing"
            elif not _same(here, self.path(path)) and (found := _digest(here)) != sha256:
                yield f"{base}/{path}", f"damaged: its sha256 is {found}, expected {sha256}"

    def repair(self, name: str) -> None:
        """Link missing and damaged files to those of the mirror that have the same content. Raises StorageError."""
        base = f"{folder(name)}/{INDEX}"
        for path, sha256 in list(self.files(name)):
            here, there = self.path(base, path), self.path(path)
            if os.path.isfile(here) and (_same(here, there) or _digest(here) == sha256):
                continue
            if os.path.isfile(there) and _digest(there) == sha256:
                with storage_errors(here):
                    made = self.temporary(name)
                    link(there, made)
                    os.replace(made, here)


def _link_tree(source: str, target: str) -> None:
    """Copy a snapshot, except for its description. Pages are new files, so that caches see that they change (ETag)."""
    directories.make(target)
    for place, folders, files in os.walk(source):
        there = os.path.join(target, os.path.relpath(place, source))
        for name in folders:
            directories.make(os.path.join(there, name))
        for name in files:
            if name in PAGES:
                with open_regular(os.path.join(place, name)) as stream:
                    write_file(os.path.join(there, name), iter(lambda: stream.read(_BLOCK), b""))
            elif name != DESCRIPTION or place != source:
                link(os.path.join(place, name), os.path.join(there, name))


def _sync(root: str) -> None:
    """Make everything durable that was written before."""
    from ..storage.syncfs import SyncFs

    SyncFs()(root)


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _digest(path: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with open_regular(path) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
