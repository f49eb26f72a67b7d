"""Progress on a terminal: one line that is overwritten, and permanent lines for important events."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, TextIO

from zope.interface import implementer

from .. import events
from ..interfaces import IObserver
from ..settings.units import in_bytes
from .messages import sentence

#: Events that are printed as permanent lines.
_LINES = (events.VerificationFinished, events.Problem, events.Notice, events.RunFinished, events.ListRead)

#: Minimum seconds between two updates of the line.
_PAUSE = 0.2


@implementer(IObserver)
class Progress:
    """Shows the progress of a run."""

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stderr
        self._last = 0.0
        self._shown = False
        self._looked = self._looking = 0
        self._files = self._bytes = self._done = 0
        self._plan: events.PlanMade | None = None
        self._inspecting: events.VerificationStarted | None = None

    def notify(self, event: Any) -> None:
        if isinstance(event, events.EvaluationStarted):
            self._looking = event.projects
        elif isinstance(event, events.ProjectEvaluated):
            self._looked += 1
            self._look()
        elif isinstance(event, events.PlanMade):
            self._plan = event
            self._say(sentence(event))
        elif isinstance(event, events.FileStored):
            if event.how != "kept":
                self._files += 1
                self._bytes += event.size
            self._work()
        elif isinstance(event, events.ProjectPublished):
            self._done += 1
            self._work()
        elif isinstance(event, events.VerificationStarted):
            self._inspecting = event
            self._say(sentence(event))
        elif isinstance(event, events.ProjectVerified):
            self._inspected(event)
        elif isinstance(event, events.FaultFound | events.FaultRepaired):
            self.close()  # the command prints it
        elif isinstance(event, _LINES):
            self._say(sentence(event))

    def _look(self) -> None:
        fetched = f", fetched {self._files} files, {in_bytes(self._bytes)}" if self._files else ""
        self._line(f"looked at {self._looked} of {self._looking} projects{fetched}")

    def _work(self) -> None:
        if self._plan is None:
            self._look()
            return
        parts = [f"{self._done} of {self._plan.projects} projects", f"{self._files} of {self._plan.files} files",
                 f"{in_bytes(self._bytes)} of {in_bytes(self._plan.bytes)}"]
        if self._plan.free is not None:
            parts.append(f"{in_bytes(max(0, self._plan.free - self._bytes))} free")
        self._line(", ".join(parts))

    def _inspected(self, event: events.ProjectVerified) -> None:
        self._done += 1
        self._files += event.files
        self._bytes += event.bytes
        if (whole := self._inspecting) is not None:
            self._line(f"verified {self._done} of {whole.projects} projects, {self._files} of {whole.files} files, "
                       f"{in_bytes(self._bytes)} of {in_bytes(whole.bytes)}")

    def _line(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last < _PAUSE:
            return
        self._last = now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{text[:width]}")
        self._stream.flush()
        self._shown = True

    def _say(self, text: str) -> None:
        self.close()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Clear the line."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False
