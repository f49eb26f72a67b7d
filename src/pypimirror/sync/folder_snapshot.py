"""A listing of a project's folder, read once in place of one lookup per file."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import StorageError
from ..interfaces import IStorage


class FolderSnapshot(NamedTuple):
    """One project's folder."""

    #: File names in lower case, since some file systems ignore case; None if the folder was not listed.
    names: frozenset[str] | None = None
    #: Whether files downloaded earlier in this run may wait (``ensure_file.WAITS``).
    waited: bool = False

    def size(self, storage: IStorage, path: str) -> int | None:
        """Return the size of a file in the folder, None if it is missing. Raises StorageError."""
        if self.names is not None and (not self.names or path.rpartition("/")[2].lower() not in self.names):
            return None
        return storage.size(path)


NOT_LISTED = FolderSnapshot()


def snapshot(storage: IStorage, project: str, waited: bool) -> FolderSnapshot:
    """List a project's folder, unless lookups of single files are cheaper or the listing fails."""
    if not storage.cheap_listing:
        return FolderSnapshot(None, waited)
    try:
        return FolderSnapshot(frozenset(name.lower() for name in storage.listdir(project)), waited)
    except StorageError:
        return FolderSnapshot(None, waited)
