"""What is known of a project's folder before its files are got, so that not each of them is looked for."""

from __future__ import annotations

from typing import NamedTuple

from ..interfaces import IStorage


class Ground(NamedTuple):
    """One project's folder."""

    #: The names that lie there, or None where nobody looked.
    names: frozenset[str] | None = None
    #: Whether files may wait that this run has fetched before (``obtain.WAITS``).
    waited: bool = False

    def size(self, storage: IStorage, path: str) -> int | None:
        """Give the bytes of what lies at a path in the folder, or None for nothing."""
        if self.names is not None and path.rpartition("/")[2] not in self.names:
            return None
        return storage.size(path)


UNSEEN = Ground()
