"""What is known of a project's folder before its files are got, so that not each of them is looked for."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import StorageError
from ..interfaces import IStorage


class FolderSnapshot(NamedTuple):
    """One project's folder."""

    #: The names that lie there, in lower case, since in some places case does not count; None where nobody looked.
    names: frozenset[str] | None = None
    #: Whether files may wait that this run has fetched before (``obtain.WAITS``).
    waited: bool = False

    def size(self, storage: IStorage, path: str) -> int | None:
        """Give the bytes of what lies at a path in the folder, or None for nothing. Raises StorageError."""
        if self.names is not None and path.rpartition("/")[2].lower() not in self.names:
            return None
        return storage.size(path)


NOT_LISTED = FolderSnapshot()


def snapshot(storage: IStorage, project: str, waited: bool) -> FolderSnapshot:
    """Look at a project's folder. Where a list costs more than a question, or can't be had, each file is asked for."""
    if not storage.cheap_listing:
        return FolderSnapshot(None, waited)
    try:
        return FolderSnapshot(frozenset(name.lower() for name in storage.listdir(project)), waited)
    except StorageError:
        return FolderSnapshot(None, waited)
