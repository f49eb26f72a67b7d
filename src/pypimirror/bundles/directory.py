"""The directory of a bundle while it is written: complete files have their names, unfinished ones end with ``.partial``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from ..errors import ConfigurationError, InsufficientSpace, MirrorError
from ..settings.index_settings import is_within
from ..storage.failures import as_storage_error
from .manifest import MANIFEST, SIGNATURE
from .model import part_name

PARTIAL = ".partial"
#: The folder of a plain tree, and the list of what the other side has to remove.
TREE, REMOVED = "tree", "removed.txt"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class BundleDirectory:
    """The directory that an export writes to."""

    def __init__(self, path: str, mirror_path: str):
        """mirror_path: ``mirror_file_path``, which must not contain the directory. Raises ConfigurationError."""
        self.path = os.path.abspath(path)
        if os.path.lexists(self.path) and not os.path.isdir(self.path):
            raise ConfigurationError(f"{self.path}: not a directory")
        if "://" not in mirror_path and is_within(self.path, mirror_path):
            raise ConfigurationError(f"{self.path}: in the mirror; choose a directory outside of it")

    def name(self, name: str) -> str:
        """Return the path of a file."""
        return os.path.join(self.path, name)

    def has(self, name: str) -> bool:
        """Return whether there is a complete file of this name."""
        return os.path.isfile(self.name(name))

    def size(self, name: str) -> int | None:
        """Return the size of a complete file, or None."""
        try:
            return os.stat(self.name(name), follow_symlinks=False).st_size
        except OSError:
            return None

    def free_space(self) -> int:
        """Return the free space in bytes."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def create(self) -> None:
        """Create the directory."""
        with self.errors():
            os.makedirs(self.path, exist_ok=True)

    def clear(self, parts: int) -> None:
        """Remove the files of an unfinished bundle. parts: their highest number."""
        names = [MANIFEST, SIGNATURE, *(part_name(number) for number in range(1, parts + 1))]
        with self.errors():
            for name in [*names, *(name + PARTIAL for name in names)]:
                with suppress(FileNotFoundError):
                    os.unlink(self.name(name))

    @contextmanager
    def written(self, name: str) -> Iterator[BinaryIO]:
        """Write a file that gets its name once it is complete and on disk."""
        with self.errors():
            temporary = self.name(name + PARTIAL)
            with os.fdopen(os.open(temporary, _NEW, 0o644), "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            self.complete(name)

    def complete(self, name: str) -> None:
        """Rename an unfinished file to its name."""
        with self.errors():
            os.replace(self.name(name + PARTIAL), self.name(name))
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Translate errors of the file system."""
        try:
            yield
        except OSError as error:
            found = as_storage_error(str(error.filename or self.path), error)
            if isinstance(found, InsufficientSpace):
                raise InsufficientSpace(f"{found}; the export continues when there is room") from error
            raise MirrorError(str(found)) from error
