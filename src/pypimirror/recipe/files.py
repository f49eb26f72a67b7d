"""Writes the part's files atomically, and only if they change."""

import os
import re
import stat
import tempfile
from pathlib import Path

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
    handle, temporary = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o666 & ~_umask() if mode is None else mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


def _holds(path: str, data: bytes, mode: int | None) -> bool:
    try:
        return Path(path).read_bytes() == data and mode in (None, stat.S_IMODE(os.stat(path).st_mode))
    except FileNotFoundError:
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
