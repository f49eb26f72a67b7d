"""Flushes a file system to disk: one system call for many threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any


class SyncFs:
    """Flushes one file system; threads that call it while a flush is under way share the next one.

    This is the cheapest way for many small files, as measured in ``docs/reliability.rst``: fsync of each file writes the
    journal each time.
    """

    def __init__(self, flush: Callable[[str], None] | None = None):
        """flush: flushes the file system of a path; returns when everything written to it is on disk."""
        self._flush = flush or flush_file_system
        self._changed = threading.Condition()
        #: The number of flushes begun, and of the last that succeeded.
        self._begun = self._done = 0
        self._under_way = False

    def __call__(self, path: str) -> None:
        """Return after everything written before the call is on disk. Raises OSError."""
        with self._changed:
            needed = self._begun + 1  # a running flush may have begun before the caller's last write
            while self._under_way and self._done < needed:
                self._changed.wait()
            if self._done >= needed:
                return
            self._under_way = True
            self._begun = mine = self._begun + 1
        try:
            self._flush(path)
        except BaseException:
            mine = 0
            raise
        finally:
            with self._changed:
                self._under_way = False
                self._done = max(self._done, mine)
                self._changed.notify_all()


def flush_file_system(path: str) -> None:
    """Flush the file system of a path with syncfs(2), or all of them with sync(2) if there is no syncfs. Raises OSError."""
    import ctypes  # loaded only if something was written

    syncfs = _syncfs()
    if syncfs is None:
        os.sync()
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(handle)


@cache
def _syncfs() -> Any:
    import ctypes

    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
