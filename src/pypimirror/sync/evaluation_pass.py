"""Evaluates the projects of a worklist and records the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import events
from ..interfaces import IRunContext
from ..model import Change
from . import publishers
from .absence import Absences
from .evaluate import Evaluation
from .filter_removals import by_filter
from .filter_times import FilterTimes
from .refused_files import RefusedFile
from .result_recorder import ResultRecorder
from .vulnerable import VulnerableRelease, report_lines
from .worklist import Worklist


class EvaluationPass:
    """One pass over a worklist."""

    def __init__(self, mirror: IRunContext, recorder: ResultRecorder, notify: Callable[[Any], None], plan: Worklist,
                 changes: dict[str, Change], times: FilterTimes, allow_deletions: bool):
        """changes: gets the change of each project, by name. times: gets the time that each filter took."""
        self._recorder = recorder
        self._notify = notify
        self._republish = plan.republish
        self._changes = changes
        self._times = times
        self._absences = Absences(mirror, plan.is_exact, allow_deletions)
        #: Names of the projects whose evaluation counts.
        self.names: list[str] = []
        #: ETag of the list to be stored; None if the next run has to read the whole list.
        self.etag = plan.etag
        self._unlisted = 0
        #: Files of upstream that have replaced others, and that are refused, each with its project.
        self.refused: list[RefusedFile] = []
        #: Published releases that advisories newly name.
        self.vulnerable: list[VulnerableRelease] = []

    def record(self, results: Iterable[Any]) -> None:
        """Record the results of ``evaluate``."""
        for evaluation in results:
            if isinstance(evaluation, Evaluation) and not self._absences.holds(evaluation):
                if evaluation.relist:
                    self.etag = None
                self._record(evaluation)
        self._record_absences()
        for line in report_lines(self.vulnerable):
            self._notify(events.Notice(line))
        if self._unlisted:
            self._notify(events.Notice(f"{self._unlisted} files stay that upstream does not list: adopted, pinned or restored"))

    def _record(self, evaluation: Evaluation) -> None:
        self._changes[evaluation.name] = evaluation.change
        self.names.append(evaluation.name)
        self._unlisted += evaluation.unlisted
        self._times.add(evaluation.seconds)
        self._recorder.evaluated(evaluation, self._republish)
        self._notify(events.ProjectEvaluated(evaluation.change))
        if evaluation.decided is not None:
            self._notify(evaluation.decided)
        for filename, reason in evaluation.urgent:
            self._notify(events.Notice(f"{evaluation.name}: {filename} is taken out: {reason}"))
        self.refused += (RefusedFile(evaluation.name, file) for file in evaluation.refused)
        for filename, reason in evaluation.held:
            self._notify(events.Notice(publishers.held_back(evaluation.name, filename, reason)))
        self.vulnerable += evaluation.vulnerable

    def _record_absences(self) -> None:
        """Record the projects that upstream does not have, unless it has none of the exact names."""
        absent, doubt = self._absences.judge()
        if doubt is None:
            for evaluation in absent:
                self._record(evaluation)
            return
        self._recorder.problems.append(doubt)
        self._notify(events.Problem("", doubt, "not found"))
        for evaluation in absent:
            self._recorder.absent(evaluation)
            self._notify(events.ProjectEvaluated(Change(evaluation.name)))


def plan_made(mirror: IRunContext, changes: Iterable[Change], projects: int, first: bool) -> events.PlanMade:
    """Return the event for a plan. projects: how many are to be published; first: whether it is the first run."""
    changes = list(changes)
    return events.PlanMade(
        projects,
        files=sum(change.fetch for change in changes),
        bytes=sum(change.fetch_bytes for change in changes),
        unsized=sum(change.unsized for change in changes),
        remove=sum(change.remove for change in changes),
        free=mirror.storage.free(),
        first=first,
        removals=by_filter(mirror, changes),
    )
