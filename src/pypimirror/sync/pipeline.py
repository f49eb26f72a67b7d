"""Publishes projects while others are still evaluated.

What a run may remove depends on all evaluations (see ``brake``); what it adds does not. So a project from which nothing is
removed is published as soon as its evaluation is stored; the others wait until all projects are evaluated.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..interfaces import IRunContext
from ..model import Change
from ..state.database import BEGUN, DUE, Row, State
from .evaluate import EvaluateTask, Evaluation, evaluate
from .publish import PublishResult, PublishTask, publish
from .result_recorder import ResultRecorder
from .root_pages import sections_due

#: Maximum number of seconds between the evaluation of a project and its publishing, even if other pages are slow.
_SECONDS = 0.5


def evaluate_or_publish(mirror: IRunContext, task: EvaluateTask | PublishTask, emit: Callable[[Any], None]) -> Any:
    """Run the step that a task is for."""
    if isinstance(task, PublishTask):
        return publish(mirror, task, emit)
    return evaluate(mirror, task, emit)


class Pipeline:
    """Iterates over the tasks of a run's first round, in order of execution."""

    def __init__(self, mirror: IRunContext, state: State, recorder: ResultRecorder, evaluations: Iterable[EvaluateTask],
                 serial: int, published: set[str]):
        """serial: the run's serial. published: gets the names of the projects whose tasks were yielded."""
        self._mirror = mirror
        self._state = state
        self._recorder = recorder
        self._evaluations = iter(evaluations)
        self._serial = serial
        #: Rows and records of the projects that can be published after the next commit, and the tasks of those that can be
        #: published now.
        self._stored: list[tuple[Row, bytes]] = []
        self._ready: deque[PublishTask] = deque()
        #: When the stored projects are committed at the latest.
        self._due = time.monotonic() + _SECONDS
        self._published = published

    def __iter__(self) -> Iterator[EvaluateTask | PublishTask]:
        return self

    def __next__(self) -> EvaluateTask | PublishTask:
        if self._stored and time.monotonic() > self._due:
            self._mirror.storage.flush()
            self._state.commit()
            self.committed()
        if self._ready and not self._recorder.full:
            task = self._ready.popleft()
            self._published.add(task.name)
            return task
        return next(self._evaluations)

    def results(self, results: Iterable[Any]) -> Iterator[Any]:
        """Record the results of publishing; yield the evaluations. The caller stores each one before it takes the next."""
        for result in results:
            if isinstance(result, PublishResult):
                self._recorder.published(result)
            else:
                yield result
                if isinstance(result, Evaluation) and _only_adds(result.change):
                    self._add(result)

    def committed(self) -> None:
        """Release the stored projects for publishing, and mark them, so that the next run recognises an interrupted one."""
        stored, self._stored = self._stored, []
        self._due = time.monotonic() + _SECONDS
        if not stored:
            return
        self._state.mark((row.name for row, _ in stored), BEGUN)
        self._state.commit()
        sections, wanted = sections_due(self._mirror, self._state), self._mirror.selection.wanted
        selections = self._recorder.selections
        self._ready.extend(PublishTask(row.name, record, row.serial, self._serial, wanted(row.name), sections=sections,
                                       selection=selections.pop(row.name, None))
                           for row, record in stored)

    def _add(self, evaluation: Evaluation) -> None:
        row, record = self._recorder.row, evaluation.project
        # A project of an interrupted run has to wait: its folder is scanned, which is done for all such projects together.
        if row is None or record is None or row.name != evaluation.name or row.pending & BEGUN or not row.pending & DUE:
            return
        if evaluation.promised is None:  # else its page is read again soon
            self._stored.append((row, record))


def _only_adds(change: Change) -> bool:
    return bool(change.fetch) and not (change.remove or change.project_removed or change.removed_upstream or change.quarantined)
