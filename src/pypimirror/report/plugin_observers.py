"""Observers of plugins, each called in a separate thread, so that none fails a run or holds it up for long."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from zope.interface import providedBy

from ..interfaces import IObserver
from ..tracebacks import log_error, summary
from ..zcml.builtin import is_own
from ..zcml.registry import created_components, describe_component, origin_of, place_of

#: Seconds that a run waits for one observer altogether: longer than a web hook takes that gives up after half a minute, if it
#: is called once.
PATIENCE = 40.0
#: Number of events that wait for an observer before the run waits for it; they take a few megabytes.
_MOST_WAITING = 10_000
#: In the queue: the end of the thread.
_END = object()


class PluginObserver:
    """One observer of a plugin, or one handler of events that a plugin registered with ``subscriber``."""

    def __init__(self, label: str, notify: Callable[[Any], object]):
        """label: names it in warnings. notify: called with each event, in order, in one thread."""
        self._label = label
        self._notify = notify
        self._queue: queue.Queue[Any] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._failures: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self._patience = PATIENCE
        #: Whether it was too slow, and receives no more events; whether it was reported.
        self._given_up = self._reported = False

    def put(self, event: Any) -> None:
        """Pass an event to the observer, which may handle it later."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._handle_events, name=self._label, daemon=True)
            self._thread.start()
        self._wait_within_patience(lambda patience: self._queue.put(event, timeout=patience))

    def finish(self) -> None:
        """Wait until the observer has handled all events."""
        if self._thread is not None:
            reached = threading.Event()
            self.put(reached)
            self._wait_within_patience(lambda patience: _wait(reached, patience))

    def close(self) -> None:
        """End the thread after the events that wait."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._queue.put_nowait(_END)

    def warning(self) -> str | None:
        """Return the warning about a failure, the first time that there is one."""
        if self._reported:
            return None
        try:
            error = self._failures.get_nowait()
        except queue.Empty:
            if not self._given_up:
                return None
            what = f"still busy after {PATIENCE:g} seconds; this observer misses the rest of this run"
        else:
            log_error("an observer failed", error)
            what = f"{summary(error)}; this observer may miss more of this run"
        self._reported = True
        return f"{self._label}: {what}"

    def _wait_within_patience(self, wait: Callable[[float], None]) -> None:
        """Wait as long as is left of this run's patience; after it the observer gets no more events."""
        if self._given_up:
            return
        started = time.monotonic()
        try:
            wait(max(self._patience, 0))
        except queue.Full:
            self._given_up = True
        self._patience -= time.monotonic() - started

    def _handle_events(self) -> None:
        while True:
            event = self._queue.get()
            if event is _END:
                return
            if isinstance(event, threading.Event):
                event.set()
            elif not self._given_up:
                try:
                    self._notify(event)
                except BaseException as error:  # also SystemExit, which would end this thread alone
                    self._failures.put(error)


def _wait(reached: threading.Event, patience: float) -> None:
    """Wait for an event of the thread. Raises queue.Full."""
    if not reached.wait(patience):
        raise queue.Full


def plugin_observers(observers: Mapping[str, IObserver], registry: Any) -> list[PluginObserver]:
    """Return the plugins' observers by name, then the handlers of events that they registered.

    registry: of the mirror, or None.
    """
    known = {} if registry is None else created_components(registry)
    found = []
    for name, observer in sorted(observers.items()):
        if not is_own(observer):
            what = describe_component(registry, observer) if id(observer) in known else f"observer {name!r}"
            found.append(PluginObserver(what, observer.notify))
    handlers = () if registry is None else registry.registeredHandlers()
    for each in (one for one in handlers if len(one.required) == 1):  # others are for events of Zope
        what = f"subscriber {origin_of(each)!r} ({place_of(each)})"
        found.append(PluginObserver(what, _filter_events(each.required[0], each.handler)))
    return found


def _filter_events(required: Any, handle: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a function that passes the events to a handler that it is registered for."""

    def notify(event: Any) -> None:
        if providedBy(event).isOrExtends(required):
            handle(event)

    return notify
