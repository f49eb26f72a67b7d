"""Opens files that other programs or people create: opening a FIFO would block until there is a writer."""

import errno
import os
import stat
from typing import BinaryIO

_KINDS = ((stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"),
          (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading; links are followed. Raises OSError, for any other kind of file too."""
    stream = open(path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
    try:
        check_kind(os.fstat(stream.fileno()))
    except BaseException:
        stream.close()
        raise
    return stream


def check_kind(found: os.stat_result) -> None:
    """Raise OSError unless it is the status of a regular file. ``strerror`` names the kind."""
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for test, name in _KINDS if test(found.st_mode)), "no file")
        raise OSError(errno.EINVAL, f"{kind}, not a regular file")
