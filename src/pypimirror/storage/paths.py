"""Paths in a mirror: relative, with ``/`` between parts, and never out of it."""

from __future__ import annotations

from ..errors import StorageError
from ..names import OWN

#: Where what is unfinished lies.
UNFINISHED = f"{OWN}/tmp"
#: Parts that lead nowhere or elsewhere.
_NONE = frozenset({"", ".", ".."})


def split(path: str) -> tuple[str, str]:
    """Give the folder of a path and its last part. Raises StorageError where that part leads elsewhere; the folder may."""
    folder, slash, last = path.rpartition("/")
    if (slash and not folder) or last in _NONE or "\0" in last or "\\" in last:
        raise _wrong(path)
    return folder, last


def parts(path: str) -> list[str]:
    """Give the parts of a path. Raises StorageError for one that would leave the mirror."""
    found = path.split("/")
    if not _NONE.isdisjoint(found) or "\0" in path or "\\" in path:
        raise _wrong(path)
    return found


def _wrong(path: str) -> StorageError:
    return StorageError(f"{path!r}: not a path in a mirror")
