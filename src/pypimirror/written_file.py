"""Writes text files atomically, and only if they change."""

import os
import re
import stat
from pathlib import Path

from . import atomic_file

#: User and password in a URL.
_CREDENTIALS = re.compile(r"://[^\s/?#]*@")


def has_credentials(text: str) -> bool:
    """Return whether a text has a URL with user or password."""
    return _CREDENTIALS.search(text) is not None


def write(path: str, text: str, mode: int | None = None) -> bool:
    """Write a text file; return whether its text or permissions changed.

    mode: the exact permissions, or None for those of the umask. Only the owner can read a text with credentials.
    Raises OSError.
    """
    if has_credentials(text):
        mode = 0o600
    data = text.encode("utf-8")
    if _holds(path, data, mode):
        return False
    atomic_file.replace(path, data, mode)
    return True


def _holds(path: str, data: bytes, mode: int | None) -> bool:
    try:
        return Path(path).read_bytes() == data and mode in (None, stat.S_IMODE(os.stat(path).st_mode))
    except FileNotFoundError:
        return False
