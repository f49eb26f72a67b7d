"""Progress on a terminal: one line that is overwritten, and permanent lines for important events."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from zope.interface import implementer

from .. import events
from ..interfaces import IObserver
from ..settings.units import in_bytes
from .messages import sentence
from .meters import meter

#: Events that are printed as permanent lines.
_LINES = (events.VerificationFinished, events.Problem, events.Notice, events.RunFinished, events.ListRead)


@implementer(IObserver)
class Progress:
    """Shows the progress of a run."""

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stderr
        self._meter = meter(self._stream)
        self._evaluated = self._files = self._bytes = self._projects = 0
        #: Files and bytes to fetch of the projects that were evaluated.
        self._known_files = self._known_bytes = 0
        self._plan: events.PlanMade | None = None
        #: Returns how much of the plan is done, in the unit of the meter.
        self._count: Callable[[], int] = int
        self._verification: events.VerificationStarted | None = None

    def notify(self, event: Any) -> None:
        if isinstance(event, events.EvaluationStarted):
            self._meter.begin("evaluate", event.projects, "projects", 0)
            self._evaluated = 0
        elif isinstance(event, events.ProjectEvaluated):
            self._evaluated += 1
            self._known_files += event.change.fetch
            self._known_bytes += event.change.fetch_bytes
            self._show_evaluation()
        elif isinstance(event, events.PlanMade):
            self._plan = event
            self._print(sentence(event))
            self._begin_fetch(event)
        elif isinstance(event, events.FileStored):
            if event.how != "kept":
                self._files += 1
                self._bytes += event.size
            self._show_fetch()
        elif isinstance(event, events.ProjectPublished):
            self._projects += 1
            self._show_fetch()
        elif isinstance(event, events.VerificationStarted):
            self._verification = event
            self._print(sentence(event))
            self._meter.begin("verify", event.bytes, "B", 0)
        elif isinstance(event, events.ProjectVerified):
            self._show_verification(event)
        elif isinstance(event, events.FaultFound | events.FaultRepaired):
            self._meter.clear()  # the command prints it
        elif isinstance(event, _LINES):
            self._print(sentence(event))

    def _show_evaluation(self) -> None:
        """Show what is known so far: projects are published while others are evaluated."""
        self._meter.show(self._evaluated, f"{self._files} of {self._known_files} files so far, {in_bytes(self._bytes)} of "
                                          f"{in_bytes(self._known_bytes)}" if self._known_files else "")

    def _begin_fetch(self, plan: events.PlanMade) -> None:
        """Count bytes, if all sizes are known; else files, or projects if no file is fetched."""
        if plan.bytes and not plan.unsized:
            self._count, total, unit = (lambda: self._bytes), plan.bytes, "B"
        elif plan.files:
            self._count, total, unit = (lambda: self._files), plan.files, "files"
        else:
            self._count, total, unit = (lambda: self._projects), plan.projects, "projects"
        self._meter.begin("fetch" if plan.files else "publish", total, unit, self._count())

    def _show_fetch(self) -> None:
        plan = self._plan
        if plan is None:
            self._show_evaluation()
            return
        notes = [f"{self._projects} of {plan.projects} projects"] if plan.files else []
        if plan.bytes and not plan.unsized:
            notes.append(f"{self._files} of {plan.files} files")
        if plan.free is not None:
            notes.append(f"{in_bytes(max(0, plan.free - self._bytes))} free")
        self._meter.show(self._count(), ", ".join(notes))

    def _show_verification(self, event: events.ProjectVerified) -> None:
        self._projects += 1
        self._files += event.files
        self._bytes += event.bytes
        if (whole := self._verification) is not None:
            self._meter.show(self._bytes,
                             f"{self._projects} of {whole.projects} projects, {self._files} of {whole.files} files")

    def _print(self, text: str) -> None:
        self._meter.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Clear the line."""
        self._meter.close()
