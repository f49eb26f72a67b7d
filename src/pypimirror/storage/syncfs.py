"""Flushes a file system to disk: one system call for many threads or greenlets."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ..http import cooperation

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

#: Seconds of a flush above which greenlets go on during the next one, in a thread: a disk takes 3 to 10 ms, a tmpfs and the
#: change of threads less than 0.1 ms.
_SLOW = 0.001


class SyncFs:
    """Flushes one file system; threads and greenlets that call it while a flush is under way share the next one.

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
        #: Seconds of the last flush.
        self._seconds = 0.0
        self._thread: ThreadPoolExecutor | None = None
        #: The flush that begins next in the thread, by which greenlets wait.
        self._next: Future[None] | None = None

    def __call__(self, path: str) -> None:
        """Return after everything written before the call is on disk. Raises OSError."""
        if self._seconds > _SLOW and cooperation.current() is not None:
            cooperation.wait(self._schedule_flush(path))
        else:
            self._flush_here(path)

    def _schedule_flush(self, path: str) -> Future[None]:
        """Return a flush that has not begun yet."""
        with self._changed:
            if self._next is None:
                if self._thread is None:
                    from concurrent.futures import ThreadPoolExecutor  # not loaded where nothing changed

                    self._thread = ThreadPoolExecutor(1, "pypimirror-flush")
                self._next = self._thread.submit(self._flush_next, path)
            return self._next

    def _flush_next(self, path: str) -> None:
        with self._changed:
            self._next = None
        self._flush_here(path)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _flush_here(self, path: str) -> None:
        with self._changed:
            needed = self._begun + 1  # a running flush may have begun before the caller's last write
            while self._under_way and self._done < needed:
                self._changed.wait()
            if self._done >= needed:
                return
            self._under_way = True
            self._begun = mine = self._begun + 1
        began = time.monotonic()
        try:
            self._flush(path)
        except BaseException:
            mine = 0
            raise
        finally:
            with self._changed:
                self._under_way = False
                self._seconds = time.monotonic() - began
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
