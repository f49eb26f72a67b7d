"""Copies the SBOMs in wheels (PEP 770) to a directory."""

from __future__ import annotations

import os

from .. import atomic_file
from ..errors import StorageError
from ..metadata.errors import InvalidContent
from ..names import shown

#: Bytes of the name of a file or folder on common file systems.
_LONGEST = 255


class Extraction:
    """Writes embedded SBOMs below a directory: ``WHEEL/PATH``, with the path below ``sboms``."""

    def __init__(self, directory: str):
        self._directory = directory

    def __call__(self, wheel: str, path: str, content: bytes) -> None:
        """Write one file. Raises InvalidContent for a path that leaves the directory, StorageError."""
        parts = path.split("/")
        if any(part in ("", ".", "..") or "\\" in part or not part.isprintable() or len(part.encode()) > _LONGEST
               for part in parts):
            raise InvalidContent(f"{shown(path)} is not a path that can be written")
        target = os.path.join(self._directory, wheel, *parts)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            atomic_file.replace(target, content)
        except OSError as error:
            raise StorageError(f"--extract {target}: can't be written: {error.strerror or error}") from error
