"""An event loop: calls functions when a descriptor is readable, after a time, or for another thread.

asyncio's would do as well. It takes a tenth of a short run and 7 MB in each process to load, and nothing else of it is needed.
"""

from __future__ import annotations

import heapq
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from selectors import EVENT_READ, BaseSelector, DefaultSelector
from typing import Any

_Call = tuple[Callable[..., object], tuple[Any, ...]]


class Timer:
    """A call to be made later."""

    def __init__(self, call: _Call):
        self.call: _Call | None = call

    def cancel(self) -> None:
        """Do not make the call."""
        self.call = None


class EventLoop:
    """Calls functions in the thread that calls ``run``."""

    def __init__(self, selector: BaseSelector | None = None):
        """selector: waits for descriptors, and is closed with the loop."""
        self._selector = selector or DefaultSelector()
        self._ready: deque[_Call] = deque()
        #: A heap by time; the numbers keep the order of equal times.
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._is_stopping = self._is_interrupted = self._is_closed = False
        self._wakes, self._woken = socket.socketpair()
        for end in (self._wakes, self._woken):
            end.setblocking(False)
        self.add_reader(self._woken.fileno(), self._woken.recv, 4096)

    def call_soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function after those that are ready, and after a look at descriptors and timers."""
        self._ready.append((function, arguments))

    def call_soon_threadsafe(self, function: Callable[..., object], *arguments: Any) -> None:
        """Do the same from any thread, or from a signal handler; do nothing after ``close``."""
        self._ready.append((function, arguments))
        self._wake()

    def call_later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer:
        """Call a function after a time."""
        timer = Timer((function, arguments))
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def add_reader(self, descriptor: int, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function whenever a descriptor is readable, until ``remove_reader``."""
        self._selector.register(descriptor, EVENT_READ, (function, arguments))

    def remove_reader(self, descriptor: int) -> None:
        """Do not call a function for this descriptor any more; do nothing if none is called."""
        with suppress(KeyError):
            self._selector.unregister(descriptor)

    def run(self) -> None:
        """Call functions until ``stop`` or ``interrupt``. Raises the exception of a function; the others remain ready."""
        try:
            with self._woken_by_signals():
                while not self._run_once():
                    pass
        finally:
            self._is_stopping = self._is_interrupted = False

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Let a signal wake the loop, so that its handler runs also if the loop was just beginning to wait."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def _run_once(self) -> bool:
        """Look at descriptors and timers, and call what is ready then; return whether ``run`` ends."""
        ready = self._ready
        ready.extend(key.data for key, _ in self._selector.select(self._patience()))
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.call is not None:
                ready.append(timer.call)
        for _ in range(len(ready)):
            if self._is_interrupted:
                break
            function, arguments = ready.popleft()
            function(*arguments)
        return self._is_stopping

    def _patience(self) -> float | None:
        """Return the maximum seconds to wait for descriptors; None without a limit."""
        if self._ready or self._is_stopping:
            return 0.0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def stop(self) -> None:
        """Let ``run`` return when what is ready was called."""
        self._is_stopping = True

    def interrupt(self) -> None:
        """Let ``run`` return after the present call; for signal handlers. What is ready is called by the next ``run``."""
        self._is_stopping = self._is_interrupted = True
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # it is full, so that the loop wakes in any case; or closed
            self._wakes.send(b"\0")

    def close(self) -> None:
        """Close the selector, and forget what is ready."""
        if not self._is_closed:
            self._is_closed = True
            self._selector.close()
            self._wakes.close()
            self._woken.close()
            self._ready.clear()
            self._timers.clear()
