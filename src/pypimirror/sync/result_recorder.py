"""Writes the results of the steps into the state."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import events
from ..interfaces import IRunContext
from ..state import records
from ..state.database import BEGUN, DONE, DUE, LISTED, UNSWEPT, Row, State
from ..state.meta_keys import FOLLOW_DUE, ROOT_DUE
from .failures import alone

if TYPE_CHECKING:
    from ..engine.boundary import StepFailure
    from .evaluate import Evaluation
    from .packed_selection import PackedSelection
    from .publish import PublishResult
    from .sweep import SweepResult


#: Maximum number of selections to keep, of some 500 bytes each. For projects beyond it publishing selects the files again.
_MOST_SELECTIONS = 50_000


class ResultRecorder:
    """Records results; only the coordinator of a run has one."""

    def __init__(self, mirror: IRunContext, state: State, notify: Callable[[Any], None]):
        self._mirror = mirror
        self._state = state
        self._notify = notify
        #: By name of projects whose pages are older than upstream's list: the list's serials.
        self._late: dict[str, str] = {}
        #: Names of projects with files that wait until others of the same name are removed.
        self.again: set[str] = set()
        #: The selections of projects that are due, by name, until these are published.
        self.selections: dict[str, PackedSelection] = {}
        #: Whether the storage is full.
        self.full = False
        #: Messages about failures of projects without a record.
        self.problems: list[str] = []
        #: The row that the last call of ``evaluated`` has saved, or None.
        self.row: Row | None = None
        #: Names of new projects that the state has only marked (``State.add``), and that are not evaluated yet.
        self.marked: set[str] = set()
        #: The rows of those that the step that evaluated them is publishing, by name: saved with the record.
        self._new: dict[str, Row] = {}
        #: Whether upstream has serials.
        self.serials = False

    def taken_late(self) -> dict[str, str]:
        """Return the projects whose pages are older than upstream's list, with the list's serials, and forget them."""
        late, self._late = self._late, {}
        return late

    def failed(self, failure: StepFailure) -> None:
        """Record that a step failed; the next run works on the project again, and looks at its folder if that was changed."""
        self._notify(events.Problem(failure.project, failure.error))
        self._save_error(failure.project, failure.project, failure.error, None)

    def _row(self, name: str) -> Row | None:
        """Return the row of a project, or None if it is new."""
        if name in self.marked:
            self.marked.remove(name)
            return None
        return self._new.pop(name, None) or self._state.row(name)

    def _save_error(self, name: str, display: str, error: str, record: bytes | None) -> None:
        row = self._row(name) or _new_row(name, display, DUE)
        since = row.since if row.error is not None else time.time()
        # What is listed without a page stays known as listed.
        list_serial = LISTED if row.list_serial == LISTED else None
        self._state.save(row._replace(list_serial=list_serial, page_serial=None, pending=row.pending | DUE, error=error,
                                      since=since), record)

    @alone
    def evaluated(self, evaluation: Evaluation, republish: bool) -> None:
        """Record an evaluation. republish: whether the project is to be published even if nothing changed."""
        self.selections.pop(evaluation.name, None)
        self.row = None
        if evaluation.promised is not None:
            self._late[evaluation.name] = evaluation.promised
        self.serials = self.serials or evaluation.page_serial is not None
        for problem in evaluation.problems:
            self._notify(events.Problem(evaluation.name, problem, "left out"))
        if evaluation.error is not None:
            self._notify(events.Problem(evaluation.name, evaluation.error))
            self._save_error(evaluation.name, evaluation.name, evaluation.error, evaluation.project)
            return
        # What is published no longer for its safety may have a successor.
        if evaluation.read or ((evaluation.absent or evaluation.unmet is not None) and evaluation.change):
            self._state.set_fact(FOLLOW_DUE, "1")
        old = self._row(evaluation.name)
        self._report_missing(evaluation, is_new=old is None or self._is_only_marked(old))
        if _is_nowhere(evaluation, old):
            self._state.forget(evaluation.name)
            return
        self._save_evaluation(old or _new_row(evaluation.name, evaluation.display, DONE), evaluation, republish)

    def _is_only_marked(self, row: Row) -> bool:
        """Whether an interrupted run has marked a project, and no run has evaluated it."""
        return bool(row.pending & BEGUN) and self._state.record(row.name) is None

    def _report_missing(self, evaluation: Evaluation, is_new: bool) -> None:
        """Notify the observers of what the configuration names and upstream does not have."""
        if evaluation.unmet is not None:
            self._notify(events.Problem(evaluation.name, evaluation.unmet, "not found"))
        elif evaluation.absent and is_new:
            from .evaluate import not_found

            problem = not_found(self._mirror, evaluation.status)
            self._notify(events.Problem(evaluation.name, problem, "not found"))
            self.problems.append(f"{evaluation.name}: {problem}")

    def _save_evaluation(self, row: Row, evaluation: Evaluation, republish: bool) -> None:
        due = republish or bool(evaluation.change) or row.error is not None or bool(row.pending & ~UNSWEPT)
        self.row = row._replace(
            display=evaluation.display, list_serial=evaluation.list_serial, page_serial=evaluation.page_serial,
            pending=row.pending | DUE if due else row.pending, error=None, due=evaluation.due,
            since=self._since(row, evaluation.unmet, due), barren=evaluation.change.all_filtered, unmet=evaluation.unmet,
            untimed=evaluation.untimed, advised=row.advised if evaluation.advised is None else evaluation.advised)
        if evaluation.is_published:
            self._new[evaluation.name] = self.row._replace(pending=DUE | BEGUN)
            return
        self._state.save(self.row, evaluation.project)
        if due and evaluation.selection is not None and len(self.selections) < _MOST_SELECTIONS:
            self.selections[evaluation.name] = evaluation.selection

    def absent(self, evaluation: Evaluation) -> None:
        """Record that a pinned project is missing, and nothing else: upstream's answers are doubted."""
        if evaluation.unmet is None or evaluation.name not in self._mirror.needs.pinned:
            return
        self._notify(events.Problem(evaluation.name, evaluation.unmet, "not found"))
        row = self._state.row(evaluation.name) or _new_row(evaluation.name, evaluation.display, DONE)
        record = evaluation.project if self._state.record(evaluation.name) is None else None
        self._state.save(row._replace(unmet=evaluation.unmet, since=row.since or time.time()), record)

    @staticmethod
    def _since(row: Row, unmet: str | None, due: bool) -> float | None:
        """Return the time since when the project fails; it is kept until the project was published without an error."""
        if unmet is not None:
            return row.since or time.time()
        return row.since if due else None

    @alone
    def published(self, result: PublishResult, hold: bool = False) -> None:
        """Record the result of publishing a project. hold: whether removals are held back."""
        row = self._row(result.name)
        if row is None:
            return
        if result.skipped:
            # The folder may still hold files of an interrupted run: the next run scans it.
            failing = row._replace(pending=row.pending | DUE, error=result.error, since=row.since or time.time())
            self._state.save(failing, None)
            return
        if result.written or (row.serial and not result.serial):
            self._state.set_fact(ROOT_DUE, "1")
        if result.replaced and not self._is_required_only(result.name):
            self._state.set_fact(FOLLOW_DUE, "1")
        self.full = self.full or result.full
        if result.again:
            self.again.add(result.name)
        self._save_published(row, result, hold and result.held)
        for page, section in result.sections:
            self._state.sections.keep(page, [(result.name, section)])

    def _is_required_only(self, name: str) -> bool:
        """Whether a project was selected by the resolution of requirements alone, which has evaluated its files."""
        needs = self._mirror.needs
        return name in needs.followed and name not in needs.pinned and not self._mirror.selection.matched(name)

    def _save_published(self, row: Row, result: PublishResult, held: bool) -> None:
        unread = row.list_serial is None or result.incomplete
        error = result.error or (row.error if unread else None)
        # A folder that is still to be swept may hold files that this step knows nothing about.
        unswept = UNSWEPT if result.unswept else row.pending & UNSWEPT
        unmet = _still_unmet(row, result)
        since = (row.since or time.time()) if error or unmet else None
        self._state.save(row._replace(
            display=result.display or row.display, pending=unswept | (DUE if error or _is_unfinished(result, held) else DONE),
            serial=result.serial, files=result.files, bytes=result.bytes, yanked=result.yanked,
            hidden=row.hidden if result.hidden is None else result.hidden,
            list_serial=None if held else row.list_serial, error=error, since=since, unmet=unmet), result.record)

    @alone
    def swept(self, result: SweepResult) -> None:
        """Record the result of sweeping a project; forget the project if nothing of it is left here and upstream."""
        row = self._state.row(result.name)
        if row is None:
            return
        is_absent = row.list_serial is not None and not records.decode(result.record).listed
        if result.whole and row.unmet is None and row.error is None and not is_absent:
            self._state.forget(result.name)
        else:
            self._state.save(row._replace(pending=row.pending & ~UNSWEPT), result.record)


def _is_nowhere(evaluation: Evaluation, row: Row | None) -> bool:
    """Whether a project is neither upstream nor in the mirror, nor among the pins."""
    is_here = evaluation.change or (row is not None and (row.serial or row.pending))
    # What upstream lists without a page is remembered as absent: it is reported once.
    return evaluation.unmet is None and not is_here and not (evaluation.absent and evaluation.list_serial is not None)


def _still_unmet(row: Row, result: PublishResult) -> str | None:
    """Return the message about missing releases; one that only the folder showed is not missing."""
    return result.unmet[1] if result.unmet is not None and result.unmet[0] == row.unmet else row.unmet


def _is_unfinished(result: PublishResult, held: bool) -> bool:
    return result.incomplete or held or result.again


def _new_row(name: str, display: str, pending: int) -> Row:
    return Row(name, display, None, None, pending, 0, 0, 0, 0)
