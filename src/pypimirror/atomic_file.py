"""Atomic writes of files outside of the mirror's storage: reports, pin files, files of the recipe."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress


def replace(path: str, content: bytes | Iterable[bytes], mode: int | None = None, temporary: str | None = None) -> None:
    """Replace the content of a file; readers see the old or the new content. Raises OSError.

    content: as a whole, or in blocks. mode: the permissions, independent of the umask; None for those that the umask leaves.
    temporary: the name of the temporary file in the same folder, for writers under a lock: one that an interrupted run left is
    removed. The default name is unique.
    """
    folder, name = os.path.split(path)
    new = os.path.join(folder, temporary or f".{name}.{os.urandom(8).hex()}")
    if temporary is not None:
        with suppress(FileNotFoundError):
            os.unlink(new)
    # Never through a file or link that another user has put there. Readable for others only once it is complete.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    handle = os.open(new, flags, 0o600 if mode is not None else 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines((content,) if isinstance(content, bytes) else content)
        if mode is not None:
            os.chmod(new, mode)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
