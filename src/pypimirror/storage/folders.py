"""Folders opened step by step, so that no symbolic link that somebody put into a tree is ever followed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: What everybody may read, whatever the umask says.
PUBLISHED = 0o755
#: What nobody but we may read.
PRIVATE = 0o700


@contextmanager
def opened(root: str, parts: Sequence[str], make: bool = False) -> Iterator[int]:
    """Open a folder below the root and give its descriptor.

    make: whether folders that are missing are made. Raises OSError; ``root`` itself may be a link, its owner's.
    """
    handle = os.open(root, _FLAGS)
    try:
        for count, part in enumerate(parts, 1):
            inner = _entered(handle, part, os.path.join(root, *parts[:count]), make)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _entered(handle: int, part: str, full: str, make: bool) -> int:
    flags = _FLAGS | os.O_NOFOLLOW
    try:
        return os.open(part, flags, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    except NotADirectoryError as error:
        if os.path.islink(full):
            raise OSError(errno.ELOOP, "a symbolic link, and none is followed in a mirror", full) from error
        raise
    made = True
    try:
        os.mkdir(part, PUBLISHED, dir_fd=handle)
    except FileExistsError:
        made = False  # by another thread, just now
    inner = os.open(part, flags, dir_fd=handle)
    if made:
        os.fchmod(inner, PUBLISHED)
    return inner


def make(path: str, mode: int = PUBLISHED) -> None:
    """Make a folder if it is not there, and those above that are missing, whatever the umask says. Raises OSError.

    mode: that of the folder itself; those above can be read by everybody.
    """
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(folder, PRIVATE)
            os.chmod(folder, mode if folder == missing[0] else PUBLISHED)
