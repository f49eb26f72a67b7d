"""Files that the part makes: written only when they change, seen old or new but never half."""

import os
import tempfile
from pathlib import Path


def write(path: str, text: str, mode: int = 0o644) -> bool:
    """Make a text file hold the text, with the mode less the umask; tell whether that changed anything.

    Raises OSError.
    """
    data = text.encode("utf-8")
    if _content(path) == data:
        return False
    handle, temporary = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, mode & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


def _content(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
