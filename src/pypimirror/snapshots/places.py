"""Where the snapshots of a mirror are: in its directory, or in its object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from ..errors import ConfigurationError
from ..interfaces import ICopyingStorage, IRunContext
from ..settings.reader import in_directory
from .model import Snapshot
from .objects import ObjectSnapshots
from .tree import SnapshotTree


class FileCopy(NamedTuple):
    """A file of the mirror that a new snapshot gets."""

    filename: str
    size: int
    #: Suffixes of its sidecars.
    suffixes: tuple[str, ...]


class SnapshotWriter(Protocol):
    """Writes one new snapshot. Paths are relative to its index."""

    def project(self, name: str, files: Iterable[FileCopy], pages: Iterable[tuple[str, bytes]]) -> None:
        """Add a project: first its files, then its pages. Raises StorageError for a missing or truncated file."""

    def finish(self, pages: Iterable[tuple[str, Iterable[bytes]]], snapshot: Snapshot) -> None:
        """Add the pages about all projects and the description; then the snapshot exists."""

    def close(self) -> None:
        """Stop; without ``finish`` there is no snapshot."""


class Snapshots(Protocol):
    """The snapshots of one mirror. Methods that change something need the lock of the mirror. All raise StorageError."""

    def names(self) -> list[str]:
        """Return the names of all snapshots."""

    def all(self) -> list[Snapshot]:
        """Return all snapshots by name."""

    def exists(self, name: str) -> bool:
        """Return whether a name is taken."""

    def get(self, name: str) -> Snapshot:
        """Return a snapshot. Raises ConfigurationError if there is none of this name."""

    def files(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield path (``project/file``) and sha256 of the files that a snapshot's pages list."""

    def writing(self, name: str) -> SnapshotWriter:
        """Begin a new snapshot."""

    def promote(self, name: str, target: str) -> Snapshot:
        """Show a snapshot under another name. Raises ConfigurationError if that is a snapshot made under its name."""

    def delete(self, name: str) -> Snapshot:
        """Delete a snapshot. Raises ConfigurationError."""

    def faults(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield path and message of each fault of a snapshot."""

    def repair(self, name: str) -> None:
        """Replace missing and damaged files by those of the mirror that have the same content."""


def has_snapshots(mirror: IRunContext) -> bool:
    """Return whether a mirror can have snapshots."""
    return in_directory(mirror.settings["mirror_file_path"]) or ICopyingStorage.providedBy(mirror.storage)


def snapshots_of(mirror: IRunContext) -> Snapshots:
    """Return the snapshots of a mirror. Raises ConfigurationError if its storage has none."""
    place: str = mirror.settings["mirror_file_path"]
    if in_directory(place):
        return SnapshotTree(place)
    if ICopyingStorage.providedBy(mirror.storage):
        return ObjectSnapshots(mirror.storage, mirror.settings["workers"])
    raise ConfigurationError(f"mirror_file_path = {place}: snapshots need a directory, or a storage that copies files "
                             "(ICopyingStorage), such as s3://")
