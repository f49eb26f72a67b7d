"""Translation of operating system errors into StorageError with the path."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InsufficientSpace, StorageError

#: Error numbers for a path without a file: missing, below a file, a folder, a symbolic link, a socket.
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO})


class NoFile(StorageError):
    """The path does not exist or is not a file."""


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Translate OSError into StorageError with the path."""
    try:
        yield
    except OSError as error:
        raise as_storage_error(path, error) from error


def as_storage_error(path: str, error: OSError) -> StorageError:
    """Return the StorageError for an OSError at a path: InsufficientSpace, NoFile or StorageError itself."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    kind = InsufficientSpace if full else NoFile if error.errno in _NO_FILE else StorageError
    return kind(f"{path}: {error.strerror or error}")
