"""Files that the part makes: written only when they change, seen old or new but never half."""

import os
import re
import stat
from pathlib import Path

from .. import atomic_file

#: User and password in a URL.
_CREDENTIALS = re.compile(r"://[^\s/?#]*@")


def has_credentials(text: str) -> bool:
    """Whether a text has a URL with user or password."""
    return _CREDENTIALS.search(text) is not None


def write(path: str, text: str, mode: int | None = None) -> bool:
    """Make a text file hold the text; tell whether that changed anything.

    mode: its permissions exactly, or None for those that the umask leaves. A text with credentials is for its owner alone.
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
