"""Paths in a mirror: relative, separated by ``/``, never leading out of it."""

from __future__ import annotations

from ..errors import StorageError
from ..names import OWN

#: The folder of temporary files.
UNFINISHED = f"{OWN}/tmp"
#: Parts that no path may have.
_NONE = frozenset({"", ".", ".."})


def split(path: str) -> tuple[str, str]:
    """Return the folder and the last part of a path. Validates the last part only. Raises StorageError."""
    folder, slash, last = path.rpartition("/")
    if (slash and not folder) or last in _NONE or "\0" in last or "\\" in last:
        raise _invalid_path(path)
    return folder, last


def parts(path: str) -> list[str]:
    """Return the parts of a path. Raises StorageError if it would leave the mirror."""
    found = path.split("/")
    if not _NONE.isdisjoint(found) or "\0" in path or "\\" in path:
        raise _invalid_path(path)
    return found


def _invalid_path(path: str) -> StorageError:
    return StorageError(f"{path!r}: not a path in a mirror")
