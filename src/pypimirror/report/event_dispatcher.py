"""Sends the events of a run to all observers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import MirrorError
from ..events import Notice, RunFinished
from ..interfaces import IObserver
from ..tracebacks import log_error, summary
from ..zcml.builtin import is_own
from .statistics import Statistics

if TYPE_CHECKING:
    from .plugin_observers import PluginObserver


class Watch:
    """The observers of one run; the last event carries the statistics.

    An observer of the mirror's own that has an attribute ``handles`` receives the events of these classes only.
    """

    def __init__(self, observers: Mapping[str, IObserver], on_terminal: bool, also: Callable[[Any], None] | None = None,
                 registry: Any = None):
        """also: called with every event. registry: of the mirror, with the handlers of events that plugins registered."""
        self._statistics = Statistics()
        self._observers = [observer for _, observer in sorted(observers.items()) if is_own(observer)]
        self._plugins = _observers_of_plugins(observers, registry)
        #: The mirror's own observers of each class of events: a first fetch sends one for each file.
        self._observers_by_kind: dict[type, list[IObserver]] = {}
        #: Those of the mirror's own that raised an unexpected exception; each is reported once.
        self._faulty: list[IObserver] = []
        self._warnings: list[str] = []
        self._also = also
        self._progress = None
        if on_terminal:
            from .progress import Progress

            self._progress = Progress()
            self._observers.append(self._progress)

    def notify(self, event: Any) -> None:
        """Send an event to every observer. The failure of one of a plugin affects neither the others nor the run.

        A MirrorError of one of the mirror's own, such as a report that can't be written, is raised after all have received the
        event.
        """
        if isinstance(event, RunFinished):
            self._finish_plugins()
        self._send_to_observers(event)
        if isinstance(event, RunFinished):
            self._finish_plugins()

    def _send_to_observers(self, event: Any) -> None:
        self._statistics.notify(event)
        if isinstance(event, RunFinished):
            event = event._replace(statistics=self._statistics.figures())
        raised: MirrorError | None = None
        observers = self._observers_by_kind.get(type(event))
        for observer in self._find_observers(type(event)) if observers is None else observers:
            try:
                observer.notify(event)
            except MirrorError as error:
                raised = raised or error
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if all(observer is not known for known in self._faulty):
                    self._faulty.append(observer)
                    log_error("an observer failed", error)
                    self._warnings.append(f"{type(observer).__name__}: {summary(error)}")
        if self._also is not None:
            self._also(event)
        for plugin in self._plugins:
            plugin.put(event)
        if self._warnings or self._plugins:
            self._print_warnings()
        if raised is not None:
            raise raised

    def _find_observers(self, kind: type) -> list[IObserver]:
        """Return the mirror's own observers of a class of events."""
        found = [observer for observer in self._observers
                 if (handled := getattr(observer, "handles", None)) is None or kind in handled]
        return self._observers_by_kind.setdefault(kind, found)

    def _finish_plugins(self) -> None:
        """Wait until the observers of plugins have handled all events."""
        for plugin in self._plugins:
            plugin.finish()
        self._print_warnings()

    def _print_warnings(self) -> None:
        """Print and report the warnings about observers."""
        self._warnings += filter(None, (plugin.warning() for plugin in self._plugins))
        while self._warnings:
            warning = self._warnings.pop(0)
            print(f"pypimirror: {warning}", file=sys.stderr)
            self._send_to_observers(Notice(warning))

    def close(self) -> None:
        """End the threads of plugins' observers, and leave the terminal in order."""
        for plugin in self._plugins:
            plugin.close()
        if self._progress is not None:
            self._progress.close()


def _observers_of_plugins(observers: Mapping[str, IObserver], registry: Any) -> list[PluginObserver]:
    """Return the observers and handlers of plugins."""
    if all(map(is_own, observers.values())) and (registry is None or not any(registry.registeredHandlers())):
        return []
    from .plugin_observers import plugin_observers  # not loaded without plugins

    return plugin_observers(observers, registry)
