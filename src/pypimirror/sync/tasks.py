"""Runs the publish and sweep steps over projects. A run in which nothing changed does not load it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import takewhile
from typing import Any

from ..interfaces import IRunContext
from ..model import Project
from ..state import records
from ..state.database import State
from .own_pages import folders
from .publish import PublishResult, PublishTask, publish
from .result_recorder import ResultRecorder
from .root_pages import sections_due
from .sweep import SweepResult, SweepTask, sweep

#: Projects after which the number of files is counted again for the first time.
_SOME = 500


def to_publish(mirror: IRunContext, state: State, recorder: ResultRecorder, due: Iterable[tuple[str, bool]], serial: int,
               offline: bool = False, hold: str = "", again: bool = False) -> Iterator[PublishTask]:
    """Yield the tasks of projects that are due.

    due: names, and whether their folders are scanned; serial: this run's serial; offline, hold, again: see PublishTask.
    """
    due = list(due)
    spelled = folders(mirror.storage) if any(scan for _, scan in due) else {}
    sections: tuple[str, ...] = ()
    again_at = 0
    for number, (name, scan) in enumerate(due):
        if number == again_at:  # a page may become too long meanwhile
            sections, again_at = sections_due(mirror, state), max(2 * number, _SOME)
        row, record = state.row(name), state.record(name)
        selection = recorder.selections.pop(name, None)
        if row is not None and record is None and scan and not mirror.selection.wanted(name):
            # An interrupted run was publishing this new project; what it has written is found in the folder, and removed.
            record = records.encode(Project(name, listed=False))
        if row is not None and record is not None:
            # A scan finds other files than the record has, and where removals are held back, more files are selected.
            yield PublishTask(name, record, row.serial, serial, mirror.selection.wanted(name), scan, offline, hold,
                              tuple(spelled.get(name, ())), again, sections, None if scan or hold else selection)


def to_sweep(state: State, names: Iterable[str]) -> Iterator[SweepTask]:
    """Yield the tasks of projects whose folders may hold files that no page links to."""
    for name in names:
        row, record = state.row(name), state.record(name)
        if row is not None and record is not None:
            yield SweepTask(name, record, whole=not row.serial)


def publish_all(results: Callable[..., Iterator[Any]], begun: Iterable[PublishTask], recorder: ResultRecorder,
                hold: bool) -> None:
    """Publish projects until the storage is full, and record the results.

    results: ``Run.results``; hold: whether removals are held back.
    """
    until_full = takewhile(lambda task: not recorder.full, begun)
    for result in results(publish, until_full):
        if isinstance(result, PublishResult):
            recorder.published(result, hold)


def sweep_all(results: Callable[..., Iterator[Any]], state: State, names: Collection[str], recorder: ResultRecorder) -> None:
    """Sweep projects, and record the results. results: ``Run.results``."""
    for result in results(sweep, to_sweep(state, names)):
        if isinstance(result, SweepResult):
            recorder.swept(result)
