"""Idle hands: the files of one project are worked on together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Crew:
    """Spreads the items of one task over threads, so that a project with a thousand files is no queue of its own.

    The thread that asks works too. However many tasks ask, there are no more than ``workers`` threads beside those.
    """

    def __init__(self, workers: int):
        self._workers = workers
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what ``work`` gives for each item, in order. Raises what it raises."""
        if len(items) < 2:
            return [work(item) for item in items]
        futures = [self._hands().submit(work, item) for item in items[1:]]
        first = work(items[0])
        return [first, *(future.result() for future in futures)]

    def close(self) -> None:
        """Send the threads home."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _hands(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "pypimirror-files")
            return self._pool
