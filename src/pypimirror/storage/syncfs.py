"""Waits until a file system has on disk what was written to it: one request for many threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any


class SyncFs:
    """Flushes one file system, as often as needed and no oftener: who comes while a flush is under way shares the next one.

    Measured (``docs/reliability.rst``), this costs least of all ways where files are small and many: a file system that is
    asked for each file writes its journal for each.
    """

    def __init__(self, flush: Callable[[str], None] | None = None):
        """flush: called with a path on the file system, returns when all that was written to it is on disk."""
        self._flush = flush or on_disk
        self._changed = threading.Condition()
        #: How many flushes began, and up to which one all have ended well.
        self._begun = self._done = 0
        self._under_way = False

    def __call__(self, path: str) -> None:
        """Return when all that was written before the call is on disk. Raises OSError."""
        with self._changed:
            needed = self._begun + 1  # one under way may have begun before the caller's last write
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


def on_disk(path: str) -> None:
    """Return when all that was written to the file system that a path is on is on disk (syncfs(2)). Raises OSError.

    Where there is no such call, as on other systems than Linux, all file systems are flushed (sync(2)).
    """
    import ctypes  # not loaded where nothing was written

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
