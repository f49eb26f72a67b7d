"""Hands the events of a run to all who watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..events import RunFinished
from ..interfaces import IObserver
from .statistics import Statistics


class Watch:
    """The observers of one run; the last event carries the statistics."""

    def __init__(self, observers: Mapping[str, IObserver], on_terminal: bool, also: Callable[[Any], None] | None = None):
        self._statistics = Statistics()
        self._observers = [observers[name] for name in sorted(observers)]
        self._also = also
        self._progress = None
        if on_terminal:
            from .progress import Progress

            self._progress = Progress()
            self._observers.append(self._progress)

    def notify(self, event: Any) -> None:
        """Tell every observer."""
        self._statistics.notify(event)
        if isinstance(event, RunFinished):
            event = event._replace(statistics=self._statistics.figures())
        for observer in self._observers:
            observer.notify(event)
        if self._also is not None:
            self._also(event)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._progress is not None:
            self._progress.close()
