"""Plain functions that run side by side in one thread: greenlets on an asyncio event loop.

A function that has to wait, for a transfer or for its turn, switches to the loop, which goes on with others. So steps, filters
and parsers stay plain functions, whatever runs them: in a thread of their own the same calls block.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future
    from selectors import BaseSelector

T = TypeVar("T")
R = TypeVar("R")

_running = threading.local()


def current() -> Loop | None:
    """Return the loop that runs in this thread, or None."""
    return getattr(_running, "loop", None)


def wait(future: Future[T]) -> T:
    """Return the result of a future, as soon as it has one; meanwhile others run."""
    loop = current()
    return future.result() if loop is None else loop.wait(future)


def sleep(seconds: float) -> None:
    """Wait; meanwhile others run."""
    loop = current()
    if loop is None:
        time.sleep(seconds)
    else:
        loop.sleep(seconds)


class Loop:
    """An event loop of the thread that calls ``run``."""

    def __init__(self, selector: BaseSelector | None = None):
        """selector: waits for the loop, and may do more meanwhile (see ``curl_selector``)."""
        import asyncio  # not loaded where nothing changed

        self.selector = selector
        #: For readers, timers and calls from other threads.
        self.events = asyncio.SelectorEventLoop(selector)
        self._hub: Any = None
        self._greenlets: set[Any] = set()

    def run(self) -> None:
        """Run what was started, until ``stop``."""
        if self.selector is not None:
            import greenlet

            self._hub = greenlet.getcurrent()
            _running.loop = self
        try:
            self.events.run_forever()
        finally:
            _running.loop = None

    def stop(self) -> None:
        """Have ``run`` return after what is ready."""
        self.events.stop()

    def start(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run a function in a greenlet of its own."""
        import greenlet

        def run() -> None:
            try:
                function(*arguments)
            finally:
                self._greenlets.discard(started)

        started = greenlet.greenlet(run, self._hub)
        self._greenlets.add(started)
        self.events.call_soon(started.switch)

    def suspend(self, arrange: Callable[[Callable[[], None]], object]) -> None:
        """Wait until the callable that ``arrange`` is given was called, by the loop."""
        import greenlet

        arrange(greenlet.getcurrent().switch)
        self._hub.switch()

    def wait(self, future: Future[T]) -> T:
        """Return the result of a future that this thread or another one sets."""
        thread = threading.get_ident()

        def arrange(resume: Callable[[], None]) -> None:
            def done(_: Future[T]) -> None:
                same = threading.get_ident() == thread
                (self.events.call_soon if same else self.events.call_soon_threadsafe)(resume)

            future.add_done_callback(done)

        if not future.done():
            self.suspend(arrange)
        return future.result()

    def sleep(self, seconds: float) -> None:
        self.suspend(lambda resume: self.events.call_later(seconds, resume))

    def each(self, work: Callable[[T], R], items: Sequence[T], most: int) -> list[R]:
        """Return what ``work`` returns for each item, in order, ``most`` at once. Raises what it raises."""
        from concurrent.futures import Future

        results: list[Any] = [None] * len(items)
        left: Iterator[int] = iter(range(len(items)))
        failed: list[BaseException] = []
        at_work, finished = max(1, min(most, len(items))), Future[None]()

        def some() -> None:
            nonlocal at_work
            try:
                for number in left:
                    if failed:
                        break
                    results[number] = work(items[number])
            except Exception as error:
                failed.append(error)
            at_work -= 1
            if not at_work:
                finished.set_result(None)

        for _ in range(at_work - 1):
            self.start(some)
        some()
        self.wait(finished)
        if failed:
            raise failed[0]
        return results

    def abandon(self) -> None:
        """End all that was started and is not finished, as if its thread were ended."""
        while self._greenlets:
            self._greenlets.pop().throw()

    def close(self) -> None:
        """Close the event loop."""
        self.abandon()
        self.events.close()
