"""Paths in a mirror: relative, with ``/`` between parts, and never out of it."""

from __future__ import annotations

from ..errors import StorageError

#: Parts that lead nowhere or elsewhere.
_NONE = frozenset({"", ".", ".."})


def parts(path: str) -> list[str]:
    """Give the parts of a path. Raises StorageError for one that would leave the mirror."""
    found = path.split("/")
    if not _NONE.isdisjoint(found) or "\0" in path or "\\" in path:
        raise StorageError(f"{path!r}: not a path in a mirror")
    return found
