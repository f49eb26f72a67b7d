"""The end of each round and of the run: publishes projects, writes the pages about all of them, and sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from .. import events
from ..interfaces import IRunContext
from ..state.database import BEGUN, State
from ..state.meta_keys import ROOT_DUE, ROOT_UNSURE, SERIAL
from . import clock
from .result_recorder import ResultRecorder
from .root_pages import write_roots


class Publisher:
    """Changes the tree of the mirror for one run."""

    def __init__(self, mirror: IRunContext, state: State, notify: Callable[[Any], None], recorder: ResultRecorder,
                 results: Callable[..., Iterator[Any]]):
        """results: ``Run.results``."""
        self._mirror = mirror
        self._state = state
        self._notify = notify
        self._recorder = recorder
        self._results = results
        #: The mirror's serial of what this run changes.
        self.serial = int(time.time())
        self.take_serial()
        #: Whether the run is about all projects.
        self.is_whole = False
        #: Which removals are held back, see PublishTask.
        self.hold = ""
        #: Messages about pages about all projects that could not be written.
        self.faults: list[str] = []
        #: Names of projects that this run has tried to publish, and that the next run has to finish.
        self.unfinished: frozenset[str] = frozenset()

    def take_serial(self) -> None:
        """Raise the serial above that of the last run, which may be later if the clock was set back."""
        self.serial = max(self.serial, int(self._state.fact(SERIAL) or 0) + 1)

    def publish(self, due: list[tuple[str, bool]], offline: bool = False, again: bool = False) -> None:
        """Publish projects.

        due: names, each with whether an interrupted run began to publish it, so that its folder is scanned. again: whether its
        files waited for the removal of others.
        """
        self._recorder.full = False
        if not due:
            return
        from . import tasks  # not loaded where nothing changed

        self._state.mark((name for name, _ in due), BEGUN)
        if any(cut_off for _, cut_off in due):
            # The interrupted run may have written such a project's pages, but not those about all projects.
            self._state.set_fact(ROOT_DUE, "1")
        self._state.commit()
        begun = tasks.to_publish(self._mirror, self._state, self._recorder, due, self.serial, offline, self.hold, again)
        tasks.publish_all(self._results, begun, self._recorder, bool(self.hold))
        self._recorder.selections.clear()
        self._state.commit()
        self.unfinished = frozenset(name for name, _ in self._state.pending())

    def finish(self) -> None:
        """Write the pages about all projects, then sweep files that no page links to."""
        self._write_roots()
        self._sweep()
        again, self._recorder.again = sorted(self._recorder.again), set()
        if again:
            # Files that upstream replaced: the sweep has removed the old versions, and the new ones can take their paths.
            self.publish([(name, False) for name in again], again=True)
            self.finish()

    def _write_roots(self) -> None:
        unsure = self._state.fact(ROOT_UNSURE) is not None
        roots = write_roots(self._mirror, self._state, self.serial, self._state.fact(ROOT_DUE) is not None, unsure,
                            self.is_whole)
        if roots.written:
            self._mirror.storage.flush()
        if roots.has_serial:
            self._state.set_fact(SERIAL, str(self.serial))
        for failure in roots.failures:
            if failure not in self.faults:
                self.faults.append(failure)
                self._notify(events.Problem("", failure))
        self._state.set_fact(ROOT_DUE, "1" if roots.failures else None)
        if unsure and not self._state.pending():
            self._state.set_fact(ROOT_UNSURE, None)
        self._state.commit()

    def _sweep(self) -> None:
        names = self._state.unswept()
        if names:
            from . import tasks

            tasks.sweep_all(self._results, self._state, names, self._recorder)
        self._state.commit()
        self._mirror.trash.expire(self._mirror.settings["trash_days"], clock.today(self._state))
