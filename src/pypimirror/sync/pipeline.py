"""Publishes projects while others are still evaluated.

What a run may remove depends on all evaluations (see ``brake``); what it adds does not. So a project from which nothing is
removed is published as soon as its evaluation is stored; the others wait until all projects are evaluated. A new project is
published by the step that evaluates it: the state marks it beforehand, and gets its record when it is published.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from ..interfaces import IRunContext
from ..model import Change
from ..state.database import BEGUN, DUE, Row, State
from .evaluate import EvaluateTask, Evaluation, evaluate_page, with_record
from .first_fetch import Gate
from .publish import PublishResult, PublishTask, publish, publish_evaluated
from .result_recorder import ResultRecorder
from .root_pages import sections_due

#: Maximum number of seconds between the evaluation of a project and its publishing, even if other pages are slow.
_SECONDS = 0.5
#: Number of projects that are marked in the state at once.
_CHUNK = 256


def evaluate_or_publish(mirror: IRunContext, task: EvaluateTask | PublishTask, emit: Callable[[Any], None]) -> Any:
    """Run the step that a task is for."""
    if isinstance(task, PublishTask):
        return publish(mirror, task, emit)
    found = evaluate_page(mirror, task)
    evaluation, project, selected = found
    if task.publish is None or project is None or not _is_published_at_once(evaluation, task.most):
        return with_record(found)
    emit(evaluation._replace(is_published=True))
    return publish_evaluated(mirror, task.publish, project, selected, emit)


class Pipeline:
    """Iterates over the tasks of a run's first round, in order of execution."""

    def __init__(self, mirror: IRunContext, state: State, recorder: ResultRecorder, gate: Gate,
                 evaluations: Iterable[EvaluateTask], serial: int, published: set[str]):
        """serial: the run's serial. published: gets the names of the projects whose tasks were yielded."""
        self._mirror = mirror
        self._state = state
        self._recorder = recorder
        self._gate = gate
        self._evaluations = iter(evaluations)
        #: Tasks that were taken from the evaluations.
        self._drawn: deque[EvaluateTask] = deque()
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
            self._commit()
        if self._ready and not self._recorder.full:
            task = self._ready.popleft()
            self._published.add(task.name)
            return task
        if not self._drawn:
            self._draw()
        evaluation = self._drawn.popleft()
        return evaluation._replace(publish=None) if self._recorder.full else evaluation

    def _draw(self) -> None:
        """Take further evaluations, and mark new projects in the state. Raises StopIteration at their end."""
        tasks = list(islice(self._evaluations, _CHUNK))
        if not tasks:
            raise StopIteration
        self._state.begin()
        new = {task.name for task in tasks if task.record is None and task.selected}
        if self._gate.has_room(len(self._recorder.marked) + len(new)):
            new = {name for name in new if self._state.add(name)}
        else:
            new.clear()
        if new:
            self._recorder.marked |= new
            self._commit()
        sections = sections_due(self._mirror, self._state)
        self._drawn.extend(task._replace(publish=PublishTask(task.name, b"", 0, self._serial, sections=sections),
                                         most=self._gate.small)
                           if task.name in new else task for task in tasks)

    def _commit(self) -> None:
        if self._published:
            self._mirror.storage.flush()
        self._state.commit()
        self.committed()

    def results(self, results: Iterable[Any]) -> Iterator[Any]:
        """Record the results of publishing; yield the evaluations. The caller stores each one before it takes the next."""
        for result in results:
            if isinstance(result, PublishResult):
                self._recorder.published(result)
                continue
            if not isinstance(result, Evaluation):
                yield result
                continue
            self._gate.count(result.change)
            yield result
            if result.is_published:
                self._published.add(result.name)
            elif _only_adds(result.change) and self._gate.lets_in(result.change):
                self._add(result)
        for name in self._recorder.marked:  # upstream does not have them, or the run may not take that for granted
            self._state.forget(name)
        self._recorder.marked.clear()

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


def _is_published_at_once(evaluation: Evaluation, most: int | None) -> bool:
    return (_only_adds(evaluation.change) and evaluation.error is None and evaluation.promised is None
            and (most is None or evaluation.change.fetch_bytes <= most))


def _only_adds(change: Change) -> bool:
    return bool(change.fetch) and not (change.remove or change.project_removed or change.removed_upstream or change.quarantined)
