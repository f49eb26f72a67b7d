"""Context managers for open files and folders; classes, because generators are too slow for the number of files."""

from __future__ import annotations

import os
from typing import Any

from ..errors import StorageError
from .directories import DirHandleCache
from .failures import as_storage_error
from .paths import split


class FolderPath:
    """Opens the folder of a path; enters with its descriptor and the last part of the path."""

    __slots__ = ("_handle", "_kept", "_make", "_path")

    def __init__(self, kept: DirHandleCache, path: str, make: bool):
        self._kept, self._path, self._make = kept, path, make
        #: The descriptor to release on exit; None if it is cached.
        self._handle: int | None = None

    def __enter__(self) -> tuple[int, str]:
        folder, last = split(self._path)
        handle = self._kept.handles.get(folder)
        if handle is None:
            try:
                handle = self._handle = self._kept.enter(folder, self._make)
            except OSError as error:
                raise self._storage_error(error) from error
        return handle, last

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._handle is not None:
            self._kept.leave(self._handle)
        if isinstance(error, OSError):
            raise self._storage_error(error) from error

    def _storage_error(self, error: OSError) -> StorageError:
        return as_storage_error(os.path.join(self._kept.root, self._path), error)


class OpenFolder(FolderPath):
    """Opens a file for reading; enters with its descriptor."""

    __slots__ = ("_file",)

    def __enter__(self) -> int:  # type: ignore[override]
        folder, last = super().__enter__()
        try:
            # Non-blocking, in case the path is a named pipe.
            self._file = os.open(last, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except OSError as error:
            if self._handle is not None:
                self._kept.leave(self._handle)
            raise self._storage_error(error) from error
        return self._file

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        os.close(self._file)
        super().__exit__(kind, error, trace)
