"""How many threads are at work, whether on tasks or on the files of one of them: as many as requests may be in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Bound(Protocol):
    """Says how many requests may be in flight now (fetch.gate)."""

    open: int


class Crew:
    """Lets so many tasks be worked on at once, and finds idle hands: a project with a thousand files is no queue of its own.

    Threads that are not at work wait without being woken: each one that is costs the others time, where Python's lock is what
    they wait for.
    """

    def __init__(self, bound: Bound, workers: int):
        self._bound = bound
        self._workers = workers
        self._changed = threading.Condition(threading.Lock())
        self._at_work = 0
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> None:
        """Begin to work on a task, as soon as there is a place."""
        with self._changed:
            while not self._place():
                self._changed.wait()
            self._at_work += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._at_work -= 1
            self._changed.notify(max(0, self._bound.open - self._at_work))

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what ``work`` gives for each item, in order; idle hands help. Raises what it raises."""
        results: list[Any] = [None] * len(items)
        left = iter(range(len(items)))
        helpers: list[Future[None]] = []

        def some() -> None:
            try:
                for number in left:
                    if number + 1 < len(items) and self._idle():
                        helpers.append(self._hands().submit(helped))
                    results[number] = work(items[number])
            finally:
                for _ in left:
                    pass  # nothing is begun any more if one failed

        def helped() -> None:
            try:
                some()
            finally:
                self.__exit__()

        try:
            some()
        finally:
            while helpers:
                helpers.pop().result()
        return results

    def close(self) -> None:
        """Send the threads home."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _place(self) -> bool:
        return self._at_work < self._bound.open

    def _idle(self) -> bool:
        """Take a place for a helper if there is one."""
        if not self._place():  # without the lock: nearly always so where there are many tasks
            return False
        with self._changed:
            found = self._place()
            self._at_work += found
        return found

    def _hands(self) -> ThreadPoolExecutor:
        with self._changed:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "pypimirror-files")
            return self._pool
