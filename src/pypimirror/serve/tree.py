"""The mirror's directory as it is served: opened folder by folder, by the handles that ``sync`` uses.

No check of a path comes before its use: what was opened is what is looked at, so that a folder exchanged for a symbolic link
in the middle of a request is never followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from typing import BinaryIO

from ..storage import directories

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Tree:
    """Opens files by the parts of their paths. Used by several threads at once."""

    def __init__(self, root: str):
        """root: a directory; may itself be a symbolic link, which is followed now and not again."""
        self._root = os.path.realpath(root)

    def open(self, parts: Sequence[str]) -> tuple[BinaryIO, os.stat_result]:
        """Open a regular file. Raises OSError, FileNotFoundError for what is no regular file."""
        with directories.opened(self._root, parts[:-1]) as folder:
            # Without waiting, should it be a named pipe.
            number = os.open(parts[-1], _FLAGS, dir_fd=folder)
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            os.close(number)
            raise FileNotFoundError(errno.ENOENT, "no regular file", "/".join(parts))
        return os.fdopen(number, "rb"), found

    def stat(self, parts: Sequence[str]) -> os.stat_result:
        """Return the facts of a file, which may be a symbolic link. Raises OSError."""
        with directories.opened(self._root, parts[:-1]) as folder:
            return os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)

    def is_file(self, parts: Sequence[str]) -> bool:
        """Whether a regular file is there."""
        try:
            return stat.S_ISREG(self.stat(parts).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def check_folder(self, parts: Sequence[str]) -> None:
        """Raise OSError unless a folder is there."""
        with directories.opened(self._root, parts):
            pass
