"""The decision log: JSON lines about the files that runs let in, hold back and take out."""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict
from typing import Any

from zope.interface import implementer

from ..errors import StorageError
from ..events import FileDecision, ProjectDecided, RunFinished, RunStarted
from ..interfaces import IObserver, ISettings
from ..secret import printable_values
from ..settings.units import format_moment
from ..storage.regular_files import check_regular, open_for_append

_KEY = "decision_log"
#: Projects whose decisions are remembered during a run.
_MOST = 10_000


@implementer(IObserver)
class DecisionLog:
    """Appends to ``decision_log``, if it is set; never changes a line."""

    def __init__(self, settings: ISettings):
        self._filename = settings[_KEY]
        self.handles = (RunStarted, ProjectDecided, RunFinished) if self._filename else ()
        self._kind = ""
        self._lines: list[str] = []
        #: What this run has written of the last projects: a project may be evaluated twice.
        self._written: OrderedDict[str, set[FileDecision]] = OrderedDict()
        if self._filename:
            check_regular(self._filename, _KEY)

    def notify(self, event: Any) -> None:
        if not self._filename:
            return
        if isinstance(event, RunStarted):
            self._kind = event.kind
            self._written.clear()
        elif isinstance(event, ProjectDecided):
            now = format_moment(time.time())
            self._lines += [json.dumps(printable_values({
                "time": now, "run": self._kind, "project": event.project, "file": each.filename, "action": each.action,
                "rule": each.rule, "reason": each.reason})) + "\n" for each in self._take_new(event)]
        if self._lines and (len(self._lines) > 1000 or isinstance(event, RunFinished)):
            self._append_to_file()

    def _take_new(self, event: ProjectDecided) -> list[FileDecision]:
        """Return the decisions that were not written yet in this run."""
        known = self._written.setdefault(event.project, set())
        found = [each for each in event.files if each not in known]
        known.update(found)
        if len(self._written) > _MOST:
            self._written.popitem(last=False)
        return found

    def _append_to_file(self) -> None:
        text, self._lines = "".join(self._lines), []
        try:
            descriptor = open_for_append(self._filename, _KEY)
            with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise StorageError(f"{_KEY}: {self._filename}: can't be written: {error.strerror}") from error
