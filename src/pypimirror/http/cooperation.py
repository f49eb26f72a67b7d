"""Runs plain functions concurrently in one thread: greenlets on an asyncio event loop.

A function that waits for a transfer or for its turn switches to the loop, which resumes another one. Steps, filters and parsers
therefore need no ``async``; called in a worker thread, the same functions block.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future
    from selectors import BaseSelector

T = TypeVar("T")
R = TypeVar("R")

_running = threading.local()


def current() -> Loop | None:
    """Return the loop of the calling greenlet; None elsewhere, also in callbacks of the loop, which have to block."""
    loop: Loop | None = getattr(_running, "loop", None)
    return loop if loop is not None and loop.is_in_greenlet() else None


def is_abandoned() -> bool:
    """Whether the calling greenlet is being ended, by an exception that has to pass."""
    loop = current()
    return loop is not None and loop.is_abandoned()


def wait(future: Future[T]) -> T:
    """Wait for a future and return its result; other greenlets run meanwhile."""
    loop = current()
    return future.result() if loop is None else loop.wait(future)


def sleep(seconds: float) -> None:
    """Wait; other greenlets run meanwhile."""
    loop = current()
    if loop is None:
        time.sleep(seconds)
    else:
        loop.sleep(seconds)


class Loop:
    """An event loop of the thread that calls ``run``."""

    def __init__(self, selector: BaseSelector | None = None):
        """selector: waits for events of the loop, and may drive transfers meanwhile (see ``curl_selector``)."""
        import asyncio  # not loaded where nothing changed

        self.selector = selector
        #: For readers, timers and calls from other threads.
        self.events = asyncio.SelectorEventLoop(selector)
        self.events.set_exception_handler(self._fail)
        self._error: BaseException | None = None
        self._is_interrupted = False
        self._hub: Any = None
        self._current: Callable[[], Any] = lambda: None
        self._greenlets: set[Any] = set()

    def run(self) -> None:
        """Run the started functions until ``stop``.

        Raises the exception of a callback: a function that waits for this callback would never resume.
        """
        if self.selector is None:
            self.events.run_forever()
        else:
            import greenlet

            self._current = greenlet.getcurrent
            self._hub = self._current()
            _running.loop = self
            try:
                with self._interruptible():
                    self.events.run_forever()
            finally:
                _running.loop = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def is_in_greenlet(self) -> bool:
        """Whether the caller runs in a greenlet of this loop, and can wait in it."""
        return self._current() is not self._hub

    def is_abandoned(self) -> bool:
        """Whether the calling greenlet is being ended by ``abandon``."""
        return self._current() not in self._greenlets

    def _fail(self, _: Any, context: dict[str, Any]) -> None:
        """End ``run`` with the exception of a callback."""
        self._error = context.get("exception") or RuntimeError(context["message"])
        self.stop()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """End ``run`` on Ctrl-C between two callbacks; a second Ctrl-C interrupts immediately.

        The signal usually arrives within a callback of libcurl, and older releases of pycurl print and drop exceptions there.
        """
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(handler):
            yield
            return
        interrupt: Callable[[int, Any], Any] = handler

        def note(number: int, frame: Any) -> None:
            if self._is_interrupted:
                interrupt(number, frame)
            self._is_interrupted = True
            self.events.call_soon_threadsafe(self.stop)

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, handler)
        if self._is_interrupted:
            self._is_interrupted = False
            interrupt(signal.SIGINT, None)

    def stop(self) -> None:
        """Let ``run`` return after the callbacks that are ready."""
        self.events.stop()

    def start(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run a function in a new greenlet."""
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
        """Suspend the calling greenlet. arrange: receives the callable that resumes it; the loop has to call it."""
        import greenlet

        arrange(greenlet.getcurrent().switch)
        self._hub.switch()

    def wait(self, future: Future[T]) -> T:
        """Wait for a future that this thread or another one completes; return its result."""
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
        """Return the results of ``work`` for all items, in order. most: the number of concurrent calls.

        Raises the first exception of a call; no further call starts after it.
        """
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
            except BaseException as error:
                if self.is_abandoned():
                    raise
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
        """End all unfinished greenlets. Their ``finally`` blocks run, and must not wait."""
        while self._greenlets:
            with suppress(BaseException):  # of a ``finally`` block: the other greenlets have to end, too
                self._greenlets.pop().throw()

    def close(self) -> None:
        """Close the event loop."""
        try:
            self.abandon()
        finally:
            self.events.close()
