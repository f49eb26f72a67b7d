"""Contracts of what runs the steps and of what observes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from zope.interface import Interface


class IEngine(Interface):
    """Runs tasks in threads, processes or on other machines. Named; selected by ``engine``; adapts IMirror."""

    def run(step: Callable[..., Any], tasks: Iterable[Any]) -> Iterator[Any]:
        """Run ``step(mirror, task, emit)`` for every task; yield emitted events and return values as they arrive.

        step: an importable function; with an attribute ``in_threads`` it runs in threads, since it computes rather than waits.
        tasks: plain values, consumed only as fast as tasks are finished; an iterator may have more after it had none, as long
        as tasks are under way.
        A step calls ``emit`` with events that are to be shown at once. On another machine they may arrive together with the
        return value, which is always last. The order of tasks is not preserved. If a worker is lost, its step runs again
        on another one.
        """

    def close() -> None:
        """Stop all workers. Called while no step is running."""


class IObserver(Interface):
    """Receives the events of a run without affecting it. Named.

    Called in one thread, in the order of the events: the mirror's own observers in the coordinator's thread, each one of a
    plugin in a separate thread, which a run waits for only for a limited time.
    """

    def notify(event: Any) -> None:
        """Handle one event, an instance of a class of ``pypimirror.events``."""
