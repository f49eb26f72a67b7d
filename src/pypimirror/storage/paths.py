"""Paths in a mirror: relative, with ``/`` between parts, and never out of it."""

from __future__ import annotations

from ..errors import StorageError


def parts(path: str) -> list[str]:
    """Give the parts of a path. Raises StorageError for one that would leave the mirror."""
    found = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in found):
        raise StorageError(f"{path!r}: not a path in a mirror")
    return found
