"""Maps a function over items concurrently: in greenlets if the thread has an event loop, else in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from . import cooperation

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")

_in_pool = threading.local()


class SideBySide:
    """Concurrent calls within a task; all tasks of a process share one pool of threads."""

    def __init__(self, most: int):
        """most: maximum number of concurrent calls."""
        self._most = most
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return the results of ``work`` for all items, in order. An exception prevents further calls, and is raised."""
        loop = cooperation.current()
        if loop is not None:
            return loop.each(work, items, self._most)
        if len(items) < 2 or getattr(_in_pool, "is_helper", False):  # nested calls in the pool could deadlock
            return list(map(work, items))
        from concurrent.futures import FIRST_EXCEPTION
        from concurrent.futures import wait as wait_for

        futures = [self._helpers().submit(work, item) for item in items]
        _, unfinished = wait_for(futures, return_when=FIRST_EXCEPTION)
        for future in unfinished:
            future.cancel()
        wait_for(futures)
        return [future.result() for future in futures if not future.cancelled()]

    def bound(self, most: int) -> None:
        """Change the maximum for future calls."""
        self._most = most

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _helpers(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(self._most, "pypimirror-files",
                                                lambda: setattr(_in_pool, "is_helper", True))
            return self._pool
