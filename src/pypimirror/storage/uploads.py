"""Files on their way into a directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..errors import StorageError
from ..interfaces import IUpload
from .failures import told

if TYPE_CHECKING:
    from .filesystem import FileSystem


@implementer(IUpload)
class Upload:
    """A temporary file that becomes a file of the mirror."""

    def __init__(self, storage: FileSystem, handle: int, name: str):
        self._storage = storage
        self._stream = open(handle, "wb", buffering=0)
        self._name: str | None = name

    def write(self, block: bytes) -> None:
        with told(self._storage.root):
            view = memoryview(block)
            while view:
                view = view[self._stream.write(view):]

    def restart(self) -> None:
        with told(self._storage.root):
            self._stream.seek(0)
            self._stream.truncate()

    def commit(self, path: str) -> None:
        with told(path):
            os.fchmod(self._stream.fileno(), 0o644)
            self._stream.close()
        self._storage.move(str(self._name), path)
        self._name = None

    def abort(self) -> None:
        if self._name is not None:
            self._stream.close()
            self._storage.remove(self._name)
            self._name = None


@implementer(IUpload)
class Linked:
    """A further name of a file that lies elsewhere, which becomes a file of the mirror. Nothing is ever written to it."""

    def __init__(self, storage: FileSystem, name: str):
        self._storage = storage
        self._name = name

    def write(self, block: bytes) -> None:
        raise StorageError(f"{self._name}: linked, not to be written to")

    def restart(self) -> None:
        raise StorageError(f"{self._name}: linked, not to be written to")

    def commit(self, path: str) -> None:
        self._storage.move(self._name, path)
        self.abort()  # where the path was a name of the same file already, replacing does nothing

    def abort(self) -> None:
        self._storage.remove(self._name)
