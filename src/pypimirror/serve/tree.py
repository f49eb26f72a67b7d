"""Opens files of the mirror's directory without following symbolic links.

Folders are opened one by one, relative to the previous handle, and checks use the open handle. So a folder that is replaced
by a symbolic link during a request is never followed.
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
        """root: a directory; if it is a symbolic link, it is resolved only once, here."""
        self._root = os.path.realpath(root)

    def open(self, parts: Sequence[str]) -> tuple[BinaryIO, os.stat_result]:
        """Open a regular file. Raises OSError; FileNotFoundError if it is not a regular file."""
        with directories.opened(self._root, parts[:-1]) as folder:
            # O_NONBLOCK: opening a named pipe must not wait.
            number = os.open(parts[-1], _FLAGS, dir_fd=folder)
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            os.close(number)
            raise FileNotFoundError(errno.ENOENT, "not a regular file", "/".join(parts))
        return os.fdopen(number, "rb"), found

    def stat(self, parts: Sequence[str]) -> os.stat_result:
        """Return the status of a file without following a symbolic link. Raises OSError."""
        with directories.opened(self._root, parts[:-1]) as folder:
            return os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)

    def is_file(self, parts: Sequence[str]) -> bool:
        """Return whether there is a regular file."""
        try:
            return stat.S_ISREG(self.stat(parts).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def check_folder(self, parts: Sequence[str]) -> None:
        """Raise OSError unless there is a folder."""
        with directories.opened(self._root, parts):
            pass
