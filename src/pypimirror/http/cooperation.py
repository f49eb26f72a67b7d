"""Runs plain functions concurrently in one thread: greenlets on an event loop.

A function that waits for a transfer or for its turn switches to the loop, which resumes another one. Steps, filters and parsers
therefore need no ``async``; called in a worker thread, the same functions block.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future
    from selectors import BaseSelector

T = TypeVar("T")
R = TypeVar("R")

_running = threading.local()


def _nothing() -> None:
    pass


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


class Turn:
    """Suspends one greenlet or blocks one thread until its turn comes; cheaper than a future."""

    def __init__(self) -> None:
        """Create it in the greenlet or thread that is going to wait."""
        self._loop = current()
        self._resume: Callable[[], None] = _nothing
        if self._loop is None:
            self._lock = threading.Lock()
            self._lock.acquire()

    def wait(self) -> None:
        """Wait; call it once, before the greenlet waits for anything else."""
        if self._loop is None:
            self._lock.acquire()
        else:
            self._loop.suspend(self._suspended)

    def come(self) -> None:
        """End the wait; call it once, from any thread."""
        if self._loop is None:
            self._lock.release()
        else:
            self._loop.soon(self._go)

    def _suspended(self, resume: Callable[[], None]) -> None:
        self._resume = resume

    def _go(self) -> None:
        self._resume()


class Loop:
    """An event loop of the thread that calls ``run``."""

    def __init__(self, selector: BaseSelector | None = None):
        """selector: waits for events of the loop, and may drive transfers meanwhile (see ``curl_selector``)."""
        from .event_loop import EventLoop  # not loaded where nothing changed

        self.selector = selector
        #: For readers, timers and calls from other threads.
        self.events = EventLoop(selector)
        self._is_interrupted = False
        self._hub: Any = None
        self._current: Callable[[], Any] = lambda: None
        #: The greenlets that run a function, and those that wait for the next one: a new greenlet costs more than a small file,
        #: since Python maps memory for its frames.
        self._greenlets: set[Any] = set()
        self._idle: list[Any] = []
        #: The thread that runs the loop.
        self._thread = threading.get_ident()

    def run(self) -> None:
        """Run the started functions until ``stop``.

        Raises the exception of a callback: a function that waits for this callback would never resume.
        """
        if self.selector is None:
            self.events.run()
            return
        import greenlet

        self._thread = threading.get_ident()
        self._current = greenlet.getcurrent
        if self._hub is not self._current():
            self._hub = self._current()
            self._idle.clear()  # those of another thread
        _running.loop = self
        try:
            with self._interruptible():
                self.events.run()
        finally:
            _running.loop = None

    def is_in_greenlet(self) -> bool:
        """Whether the caller runs in a greenlet of this loop, and can wait in it."""
        return self._current() is not self._hub

    def is_abandoned(self) -> bool:
        """Whether the calling greenlet is being ended by ``abandon``."""
        return self._current() not in self._greenlets

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """End ``run`` on Ctrl-C: at once in a greenlet, which may compute for long, else after the current callback.

        In the latter case the signal usually arrives within a callback of libcurl, and older releases of pycurl print and drop
        exceptions there. A second Ctrl-C always interrupts at once.
        """
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(handler):
            yield
            return
        interrupt: Callable[[int, Any], Any] = handler

        def note(number: int, frame: Any) -> None:
            at_once = self._is_interrupted or self.is_in_greenlet()
            self._is_interrupted = True
            self.events.interrupt()
            if at_once:
                interrupt(number, frame)

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
        """Run a function in a greenlet."""
        if self._idle:
            started = self._idle.pop()
        else:
            import greenlet

            started = greenlet.greenlet(self._run_functions, self._hub)
        self._greenlets.add(started)
        self.events.call_soon(started.switch, function, arguments)

    def _run_functions(self, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Run one function after the other in the calling greenlet, until one raises an exception."""
        me = self._current()
        while True:
            try:
                function(*arguments)
            finally:
                self._greenlets.discard(me)
            self._idle.append(me)
            function, arguments = self._hub.switch()

    def soon(self, function: Callable[[], Any]) -> None:
        """Call a function in the thread of the loop, after what is ready before it; may be called from any thread.

        Does nothing after ``close``: a thread may complete a future of a greenlet that was abandoned.
        """
        if threading.get_ident() == self._thread:
            self.events.call_soon(function)
        else:
            self.events.call_soon_threadsafe(function)

    def suspend(self, arrange: Callable[[Callable[[], None]], object]) -> None:
        """Suspend the calling greenlet. arrange: receives the callable that resumes it; the loop has to call it."""
        switch = self._current().switch

        def resume() -> None:
            if not self._is_interrupted:  # else ``abandon`` ends the greenlet
                switch()

        arrange(resume)
        self._hub.switch()

    def wait(self, future: Future[T]) -> T:
        """Wait for a future that this thread or another one completes; return its result."""
        if not future.done():
            self.suspend(lambda resume: future.add_done_callback(lambda _: self.soon(resume)))
        return future.result()

    def sleep(self, seconds: float) -> None:
        self.suspend(lambda resume: self.events.call_later(seconds, resume))

    def free(self, most: int, wanted: int) -> int:
        """Return how many greenlets may be started until ``most`` run; up to ``wanted``, which may be negative."""
        return min(most - len(self._greenlets), wanted)

    def each(self, work: Callable[[T], R], items: Sequence[T], most: int) -> list[R]:
        """Return the results of ``work`` for all items, in order.

        most: the number of greenlets up to which others help the calling one; those of other functions count, so that a project
        with few files gets none while other projects keep the requests busy. Raises the first exception of a call; no further
        call starts after it.
        """
        return _Each(self, work, items, most).results()

    def abandon(self) -> None:
        """End all greenlets. Their ``finally`` blocks run, and must not wait."""
        for greenlets in (self._greenlets, self._idle):
            while greenlets:
                with suppress(BaseException):  # of a ``finally`` block: the other greenlets have to end, too
                    greenlets.pop().throw()

    def close(self) -> None:
        """Close the event loop."""
        try:
            self.abandon()
        finally:
            self.events.close()


class _Each(Generic[T, R]):
    """One call of ``Loop.each``; no closure, since one that refers to itself keeps the results until garbage is collected."""

    def __init__(self, loop: Loop, work: Callable[[T], R], items: Sequence[T], most: int):
        self._loop = loop
        self._work = work
        self._items = items
        self._most = most
        self._results: list[Any] = [None] * len(items)
        self._left: Iterator[int] = iter(range(len(items)))
        self._failed: list[BaseException] = []
        self._at_work = 1
        self._finished: Turn | None = None

    def results(self) -> list[R]:
        self._run()
        if self._at_work:
            self._finished = Turn()
            self._finished.wait()
        if self._failed:
            raise self._failed[0]
        return self._results

    def _run(self) -> None:
        """Work on the remaining items, in the calling greenlet."""
        try:
            for number in self._left:
                if self._failed:
                    break
                for _ in range(self._loop.free(self._most, len(self._items) - number - self._at_work)):
                    self._at_work += 1
                    self._loop.start(self._run)
                self._results[number] = self._work(self._items[number])
        except BaseException as error:
            if self._loop.is_abandoned():
                raise
            self._failed.append(error)
        self._at_work -= 1
        if not self._at_work and self._finished is not None:
            self._finished.come()
