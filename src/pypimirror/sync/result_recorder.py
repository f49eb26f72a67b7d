"""What came of each project, written into the state."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import events
from ..interfaces import IRunContext
from ..state.database import DONE, DUE, UNSWEPT, Row, State
from ..state.meta_keys import FOLLOW_DUE, ROOT_DUE
from .failures import alone

if TYPE_CHECKING:
    from ..engine.boundary import StepFailure
    from .evaluate import Evaluation
    from .publish import PublishResult
    from .sweep import SweepResult


class ResultRecorder:
    """Takes what the units of work give back; only the coordinator of a run has one."""

    def __init__(self, mirror: IRunContext, state: State, notify: Callable[[Any], None]):
        self._mirror = mirror
        self._state = state
        self._notify = notify
        #: By name of projects whose pages are older than upstream's list: the list's serials.
        self._late: dict[str, str] = {}
        #: Names of projects of which files wait for others of the same name to go.
        self.again: set[str] = set()
        #: Whether there was no room for more.
        self.full = False
        #: What failed and belongs to no project that is remembered, in words.
        self.problems: list[str] = []
        #: Whether upstream gives serials.
        self.serials = False

    def taken_late(self) -> dict[str, str]:
        """Give the projects whose pages are older than upstream's list, with the list's serials, and forget them."""
        late, self._late = self._late, {}
        return late

    def failed(self, failure: StepFailure) -> None:
        """Remember that the work on a project failed: the next run looks at it, and at its folder if that was changed."""
        self._notify(events.Problem(failure.project, failure.error))
        row = self._state.row(failure.project) or Row(failure.project, failure.project, None, None, DUE, 0, 0, 0, 0)
        since = row.since if row.error is not None else time.time()
        self._state.save(row._replace(list_serial=None, page_serial=None, pending=row.pending | DUE, error=failure.error,
                                      since=since), None)

    @alone
    def looked(self, looked: Evaluation, republish: bool) -> None:
        """Remember what was seen of a project. republish: whether it is to be published, changed or not."""
        old = self._state.row(looked.name)
        if looked.promised is not None:
            self._late[looked.name] = looked.promised
        self.serials = self.serials or looked.page_serial is not None
        for problem in looked.problems:
            self._notify(events.Problem(looked.name, problem, "left out"))
        if looked.error is not None:
            self._notify(events.Problem(looked.name, looked.error))
            row = old or Row(looked.name, looked.name, None, None, DUE, 0, 0, 0, 0)
            since = row.since if row.error is not None else time.time()
            self._state.save(row._replace(list_serial=None, page_serial=None, pending=row.pending | DUE,
                                          error=looked.error, since=since), looked.project)
            return
        if looked.read:
            self._state.set_fact(FOLLOW_DUE, "1")
        if looked.unmet is not None:
            self._notify(events.Problem(looked.name, looked.unmet, "not found"))
        if looked.absent and old is None and looked.unmet is None:
            from .evaluate import not_found

            problem = not_found(self._mirror, looked.status)
            self._notify(events.Problem(looked.name, problem, "not found"))
            self.problems.append(f"{looked.name}: {problem}")
        if looked.unmet is None and not looked.change and (old is None or not (old.serial or old.pending)):
            self._state.forget(looked.name)  # neither upstream nor we have it
            return
        row = old or Row(looked.name, looked.display, None, None, DONE, 0, 0, 0, 0)
        due = republish or bool(looked.change) or row.error is not None or bool(row.pending & ~UNSWEPT)
        self._state.save(row._replace(
            display=looked.display, list_serial=looked.list_serial, page_serial=looked.page_serial,
            pending=row.pending | DUE if due else row.pending, error=None, due=looked.due,
            since=self._since(row, looked.unmet, due), barren=looked.change.all_filtered, unmet=looked.unmet,
            untimed=looked.untimed), looked.project)

    def absent(self, looked: Evaluation) -> None:
        """Save that a pinned project is missing, and nothing else: upstream's answer is not believed."""
        if looked.unmet is None or looked.name not in self._mirror.needs.pinned:
            return
        self._notify(events.Problem(looked.name, looked.unmet, "not found"))
        row = self._state.row(looked.name)
        row = row or Row(looked.name, looked.display, None, None, DONE, 0, 0, 0, 0)
        record = looked.project if self._state.record(looked.name) is None else None
        self._state.save(row._replace(unmet=looked.unmet, since=row.since or time.time()), record)

    @staticmethod
    def _since(row: Row, unmet: str | None, due: bool) -> float | None:
        """Say since when there is something wrong; what is published next may fail as it did before."""
        if unmet is not None:
            return row.since or time.time()
        return row.since if due else None

    @alone
    def published(self, published: PublishResult, hold: bool = False) -> None:
        """Save what was published. hold: whether removals are held back."""
        row = self._state.row(published.name)
        if row is None:
            return
        if published.skipped:
            # What an interrupted run has left in the folder is still to be scanned.
            failing = row._replace(pending=row.pending | DUE, error=published.error, since=row.since or time.time())
            self._state.save(failing, None)
            return
        if published.written or (row.serial and not published.serial):
            self._state.set_fact(ROOT_DUE, "1")
        self.full = self.full or published.full
        held = hold and published.held
        if published.again:
            self.again.add(published.name)
        unread = row.list_serial is None or published.incomplete
        error = published.error or (row.error if unread else None)
        unfinished = error or published.incomplete or held or published.again
        # A folder that was not swept yet may hold what this publishing knows nothing of.
        unswept = UNSWEPT if published.unswept else row.pending & UNSWEPT
        since = (row.since or time.time()) if error or row.unmet else None
        self._state.save(row._replace(
            display=published.display or row.display, pending=unswept | (DUE if unfinished else DONE),
            serial=published.serial, files=published.files, bytes=published.bytes, yanked=published.yanked,
            hidden=row.hidden if published.hidden is None else published.hidden,
            list_serial=None if held else row.list_serial, error=error, since=since), published.record)
        for page, section in published.sections:
            self._state.sections.keep(page, [(published.name, section)])

    @alone
    def swept(self, swept: SweepResult) -> None:
        """Save what is left of a project, or forget it where nothing is."""
        row = self._state.row(swept.name)
        if row is None:
            return
        if swept.whole and row.unmet is None:
            self._state.forget(swept.name)
        else:
            self._state.save(row._replace(pending=row.pending & ~UNSWEPT), swept.record)
