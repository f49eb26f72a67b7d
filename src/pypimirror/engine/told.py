"""What a task tells on the way: gathered, since each message wakes the coordinator, and told now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

#: Seconds for which what is told waits for more.
PATIENCE = 0.2


class Told:
    """Takes the events of one task, whichever of its threads they come from."""

    def __init__(self, send: Callable[[tuple[Any, ...]], None]):
        """send: called with events in order, no sooner than PATIENCE seconds after the call before."""
        self._send = send
        self._lock = threading.Lock()
        self._events: list[Any] = []
        self._sent = time.monotonic()

    def __call__(self, event: Any) -> None:
        with self._lock:
            self._events.append(event)
            if time.monotonic() - self._sent > PATIENCE:
                self._send(self._taken())

    def rest(self) -> tuple[Any, ...]:
        """Give what was not sent, once the task has ended."""
        with self._lock:
            return self._taken()

    def _taken(self) -> tuple[Any, ...]:
        events = tuple(self._events)
        self._events.clear()
        self._sent = time.monotonic()
        return events
