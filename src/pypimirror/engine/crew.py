"""How many threads are at work, on tasks or on the files of one of them: as many as pay, and never more than ``workers``.

Where hosts or disks are far away most threads wait, and more of them get more done. Where they are near, Python's lock is what
threads wait for, and more than one or two only get in each other's way. So the number grows while all that may be are at work
and this process and the machine have time to spare, and shrinks where either has none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from .idle import idle

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")


#: Threads to begin with, and never fewer.
_FEW = 1
#: Seconds between two looks at the processors: the least, which is enough where hardly anything is done, and for others.
_SOON, _INTERVAL = 0.02, 0.1
#: Seconds that a thread waits for a place before it looks at the processors itself.
_LONG = 0.25
#: Seconds that count as the beginning.
_YOUNG = 0.3
#: Shares of one processor that this process uses: hardly anything, half, some, and as much as Python's lock allows.
_LITTLE, _HALF, _SOME, _ALL = 0.2, 0.5, 0.8, 0.95
#: So many times as many may be at work after a look.
_TIMES = 8
#: Processors that are idle: so many are much, so many are to spare, so many are none.
_MUCH, _SPARE, _NONE = 1.0, 0.5, 0.1


def hands(workers: int) -> int:
    """Return how many may be at work where so many may ask at once: others hash, write and read meanwhile what came."""
    return workers + workers // 2


class ConcurrencyLimiter:
    """Lets so many tasks be worked on at once, and finds idle hands: a project with a thousand files is no queue of its own.

    Threads that are not at work are seldom woken: each one that is costs the others time, where they wait for Python's lock.
    """

    def __init__(self, most: int):
        self._most = self._threads = most
        self._lock = threading.Lock()  # taken by itself where nothing is waited for: a condition is written in Python
        self._changed = threading.Condition(self._lock)
        self._at_work = 0
        #: So many may be at work now.
        self.open = _FEW
        #: The clock, the processor's, and what was idle, at the last look; the first is when the first task begins.
        self._looked: tuple[float, float, float | None] | None = None
        #: Until when it is the beginning, and when to look again: to see what is idle takes as long as a tenth of a small file.
        self._young = self._next = 0.0
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> None:
        """Begin to work on a task, as soon as there is a place."""
        with self._lock:
            if self._looked is None:
                now = time.monotonic()
                self._looked = now, time.process_time(), idle()
                self._young, self._next = now + _YOUNG, now + _SOON
            while not self._place():
                if not self._changed.wait(_LONG):
                    self._adjust()  # nobody else does while all that are at work are at long tasks
            self._at_work += 1

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._adjust()
            self._at_work -= 1
            if self._at_work < self.open:
                self._changed.notify(self.open - self._at_work)

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what ``work`` gives for each item, in order; idle hands help. Raises what it raises."""
        results: list[Any] = [None] * len(items)
        left = iter(range(len(items)))
        helpers: list[Future[None]] = []

        def some() -> None:
            try:
                for number in left:
                    if number + 1 < len(items) and self._hand():
                        helpers.append(self._hands().submit(helped))
                    results[number] = work(items[number])
            finally:
                for _ in left:
                    pass  # nothing is begun any more if one failed

        def helped() -> None:
            try:
                some()
            finally:
                self._leave()

        failed: BaseException | None = None
        try:
            some()
        finally:
            while helpers:  # all of them, whoever failed
                failed = helpers.pop().exception() or failed
        if failed is not None:
            raise failed
        return results

    @property
    def room(self) -> int:
        """As many batches keep the crew busy: some more than are worked on, so that no thread waits for the coordinator."""
        return self.open + max(3, self.open // 2)

    def close(self) -> None:
        """Send the threads home."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def begin(self, number: int) -> None:
        """Have so many at work from the beginning, since as many were of use elsewhere."""
        with self._lock:
            self.open = max(_FEW, min(number, self._most))

    def bound(self, most: int) -> None:
        """Have no more than so many at work from now on."""
        with self._lock:
            self._most = most
            self.open = min(self.open, most)

    def _place(self) -> bool:
        return self._at_work < self.open

    def _hand(self) -> bool:
        """Take a place for a helper if there is one."""
        with self._lock:
            self._adjust()
            found = self._place()
            self._at_work += found
        return found

    def _adjust(self) -> None:
        if self._looked is None:
            return
        now, (then, before, was_idle) = time.monotonic(), self._looked
        if now < self._next:
            return
        self._next = now + _SOON
        passed = now - then
        used, is_idle = time.process_time(), idle()
        share = (used - before) / passed
        spare = (is_idle - was_idle) / passed if is_idle is not None and was_idle is not None else _SPARE
        # In the beginning further processes start beside this one, and the machine is not as busy as it seems.
        waits = share < _LITTLE or (share < _HALF and now < self._young)
        if passed < _INTERVAL and not waits and spare < _MUCH:
            return  # so short a time tells too little
        self._looked = now, used, is_idle
        if waits or (share < _SOME and spare >= _SPARE):
            if not self._place():
                # As many as would use it up, if each does as much as those that are at work.
                self.open = min(max(self.open + 1, int(self.open * min(_SOME / max(share, 0.01), _TIMES))), self._most)
                self._changed.notify(max(self.open - self._at_work, 0))
        elif share > _ALL or spare < _NONE:
            self.open = max(3 * self.open // 4, _FEW)

    def _hands(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor  # few runs need it

                self._pool = ThreadPoolExecutor(self._threads, "pypimirror-files")
            return self._pool
