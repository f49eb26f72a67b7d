"""Sends the events of a run to all observers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import MirrorError
from ..events import Notice, RunFinished
from ..interfaces import IObserver
from ..tracebacks import log_error
from ..zcml.error_context import describe
from .statistics import Statistics


class Watch:
    """The observers of one run; the last event carries the statistics."""

    def __init__(self, observers: Mapping[str, IObserver], on_terminal: bool, also: Callable[[Any], None] | None = None,
                 registry: Any = None):
        """also: called with every event. registry: of the mirror, to name an observer that fails."""
        self._statistics = Statistics()
        self._observers = [observers[name] for name in sorted(observers)]
        #: Observers that raised an exception; each is reported once.
        self._faulty: list[IObserver] = []
        self._registry = registry
        self._also = also
        self._progress = None
        if on_terminal:
            from .progress import Progress

            self._progress = Progress()
            self._observers.append(self._progress)

    def notify(self, event: Any) -> None:
        """Send an event to every observer. The failure of one affects neither the others nor the run.

        A MirrorError of an observer is raised after all have received the event.
        """
        self._statistics.notify(event)
        if isinstance(event, RunFinished):
            event = event._replace(statistics=self._statistics.figures())
        raised: MirrorError | None = None
        faults: list[str] = []
        for observer in self._observers:
            try:
                observer.notify(event)
            except MirrorError as error:
                raised = raised or error
            except Exception as error:
                faults += self._fault(observer, error)
        if self._also is not None:
            self._also(event)
        for fault in faults:
            self.notify(Notice(fault))
        if raised is not None:
            raise raised

    def _fault(self, observer: IObserver, error: Exception) -> list[str]:
        """Return the warning about an observer, at its first exception."""
        if any(observer is known for known in self._faulty):
            return []
        self._faulty.append(observer)
        fault = f"{describe(error, self._registry)}; this observer may miss more of this run"
        log_error("an observer failed", error)
        print(f"pypimirror: {fault}", file=sys.stderr)
        return [fault]

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._progress is not None:
            self._progress.close()
