"""What the operating system says, as errors that name the path."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InsufficientSpace, StorageError

#: Errors that say that there is no file at a path: nothing, something below a file, a folder, a symbolic link.
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})


class NoFile(StorageError):
    """There is nothing at a path, or something that is no file."""


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn an error of the operating system into one that names the path."""
    try:
        yield
    except OSError as error:
        raise as_storage_error(path, error) from error


def as_storage_error(path: str, error: OSError) -> StorageError:
    """Give the error of ours for one of the operating system, about this path."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    kind = InsufficientSpace if full else NoFile if error.errno in _NO_FILE else StorageError
    return kind(f"{path}: {error.strerror or error}")
