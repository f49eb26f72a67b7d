"""What came of each project, written into the state."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import events
from ..engine.boundary import StepFailure
from ..state.database import BEGUN, DONE, DUE, Row, State
from ..state.facts import ROOT_DUE
from .failures import alone

if TYPE_CHECKING:
    from .look import Looked
    from .publish import Published
    from .sweep import Swept


class Ledger:
    """Takes what the units of work give back; only the coordinator of a run has one."""

    def __init__(self, state: State, notify: Callable[[Any], None]):
        self._state = state
        self._notify = notify
        #: Names of projects of which this run left something to be fetched by the next one.
        self._incomplete: set[str] = set()
        #: By name of projects whose pages are older than upstream's list: the list's serials.
        self._late: dict[str, str] = {}
        #: Names of projects of which files wait for others of the same name to go.
        self.again: set[str] = set()
        #: Whether there was no room for more.
        self.full = False
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
        self._state.save(row._replace(list_serial=None, page_serial=None, pending=max(row.pending, DUE), error=failure.error,
                                      since=since), None)

    @alone
    def looked(self, looked: Looked, republish: bool) -> None:
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
            self._state.save(row._replace(list_serial=None, page_serial=None, pending=max(row.pending, DUE),
                                          error=looked.error, since=since), None)
            return
        if looked.unmet is not None:
            self._notify(events.Problem(looked.name, looked.unmet, "not found"))
        if looked.absent and old is None:
            self._notify(events.Problem(looked.name, "upstream has no such project", "not found"))
        if looked.unmet is None and not looked.change and (old is None or not (old.serial or old.pending)):
            self._state.forget(looked.name)  # neither upstream nor we have it
            return
        row = old or Row(looked.name, looked.display, None, None, DONE, 0, 0, 0, 0)
        due = republish or bool(looked.change) or row.error is not None or bool(row.pending)
        self._state.save(row._replace(
            display=looked.display, list_serial=looked.list_serial, page_serial=looked.page_serial,
            pending=max(row.pending, DUE if due else DONE), error=None, due=looked.due,
            since=self._since(row, looked.unmet, due), barren=looked.change.barren, unmet=looked.unmet), looked.project)

    @staticmethod
    def _since(row: Row, unmet: str | None, due: bool) -> float | None:
        """Say since when there is something wrong; what is published next may fail as it did before."""
        if unmet is not None:
            return row.since or time.time()
        return row.since if due else None

    @alone
    def published(self, published: Published, hold: bool = False) -> bool:
        """Remember what was published; say whether something is to go. hold: whether removals are held back."""
        row = self._state.row(published.name)
        if row is None:
            return False
        if published.written or (row.serial and not published.serial):
            self._state.set_fact(ROOT_DUE, "1")
        self.full = self.full or published.full
        goes = bool(published.leaving) or not published.serial
        held = hold and published.held
        if published.again:
            self.again.add(published.name)
        if published.incomplete:
            self._incomplete.add(published.name)
        unread = row.list_serial is None or published.incomplete
        error = published.error or (row.error if unread else None)
        pending = BEGUN if goes else DUE if error or published.incomplete or held else DONE
        since = (row.since or time.time()) if error or row.unmet else None
        self._state.save(row._replace(
            display=published.display or row.display, pending=pending, serial=published.serial, files=published.files,
            bytes=published.bytes, yanked=published.yanked,
            hidden=row.hidden if published.hidden is None else published.hidden,
            list_serial=None if held else row.list_serial, error=error, since=since), published.record)
        for page, section in published.sections:
            self._state.sections.keep(page, [(published.name, section)])
        return goes

    @alone
    def swept(self, swept: Swept) -> None:
        """Remember what is left of a project of which something was taken away."""
        row = self._state.row(swept.name)
        if row is None or (swept.record is None and row.unmet is None):
            self._state.forget(swept.name)
        else:
            unfinished = row.error or swept.name in self._incomplete | self.again
            self._state.save(row._replace(pending=DUE if unfinished else DONE), swept.record)
