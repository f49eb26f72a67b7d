"""Buffers the events of a batch: each message wakes the coordinator, so events are sent together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ..interfaces import IRunContext
from .teams import EVENTS, RAISED, RESULT, Step

#: Seconds for which events are buffered.
PATIENCE = 0.2


class EventBuffer:
    """Collects the events and results of one batch; thread-safe."""

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
        """Return the events that were not sent, at the end of a batch."""
        with self._lock:
            return self._taken()

    def _taken(self) -> tuple[Any, ...]:
        events = tuple(self._events)
        self._events.clear()
        self._sent = time.monotonic()
        return events


def do(mirror: IRunContext, step: Step, task: Any, send: Callable[[str, Any, tuple[Any, ...]], None]) -> None:
    """Run a batch as soon as the limiter allows it, and send its results.

    send: called with the kind of a message (see ``teams``), its value, and events. What the step raises is sent as well.
    """
    told = EventBuffer(lambda events: send(EVENTS, None, events))
    try:
        with mirror.crew:
            result = step(mirror, task, told)
    except BaseException as error:
        send(RAISED, error, told.rest())
    else:
        send(RESULT, result, told.rest())
