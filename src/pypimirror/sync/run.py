"""One run: brings the mirror to what upstream and the configuration say.

Look at projects, publish them, write the root, sweep: files before pages before the root, and the other way round on removal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from .. import events
from ..engine import boundary
from ..engine.boundary import StepFailure
from ..engine.many import Many
from ..errors import ConfigurationError
from ..interfaces import IMirror
from ..model import Change
from ..names import normalize
from ..settings.fingerprint import fingerprint
from ..settings.reader import OWN
from ..state.database import BEGUN, State
from ..state.facts import FILES_SETTINGS, LAST_GOOD, LIST_ETAG, OWN_SETTINGS, PAGES_SETTINGS, PINNING, ROOT_DUE, SERIAL
from . import agenda, brake, clock, failures
from .advice import advise
from .ledger import Ledger
from .look import Looked, look
from .roots import begin_anew, write_roots

if TYPE_CHECKING:
    from .pinning import Pinning

#: Files to take away, by project.
_Leaving = dict[str, tuple[str, ...]]
#: Projects whose results are kept in one transaction.
_BATCH = 200
#: Pages older than upstream's list are read again so often, after so many seconds; if they are more, it is no passing lag.
_LOOKS, LAG, _MOST_LATE = 2, 2.0, 200


class Run:
    """The coordinator of one run; it alone writes the state."""

    def __init__(self, mirror: IMirror, state: State, notify: Callable[[Any], None], allow_deletions: bool = False):
        self._mirror = mirror
        self._state = state
        #: What came of each project so far.
        self.ledger = Ledger(state, notify)
        self._notify = notify
        self._pinning: Pinning | None = None
        self._allow_deletions = allow_deletions
        #: What failed and concerns no single project.
        self._faults: list[str] = []
        #: Which removals are held back, see PublishTask.
        self._hold = ""
        #: What is held back and why, in words, or None.
        self.held: str | None = None
        #: Our serial of what this run changes: it grows with every run, also when the clock was set back or the state lost.
        self.serial = max(int(state.fact(SERIAL) or 0) + 1, int(time.time()))

    def sync(self, initial: bool) -> None:
        """Bring everything up to date. Raises FetchError, BadPage where upstream's list can't be had."""
        self.begin()
        first = self._state.fact(LAST_GOOD) is None
        if self._state.fact(PAGES_SETTINGS) not in (None, fingerprint(self._mirror.settings, "pages")):
            self._state.set_fact(ROOT_DUE, "1")
        if (jump := clock.jump(self._state)) is not None:
            self._notify(events.Notice(jump))
        plan = agenda.drawn_up(self._mirror, self._state, initial, self._allow_deletions, clock.is_set_back(self._state))
        if plan.listed is not None:
            self._notify(plan.listed)
        for problem in plan.problems:
            self._notify(events.Problem("", problem, "left out"))
        changes, read = self._look(plan)
        due = self._state.pending()
        if due:
            self._planned(changes, len(due), first)
        self._brake(changes, plan.doubt)
        leaving = self._publish(due, offline=False)
        for _ in range(_LOOKS):
            leaving |= self._catch_up(changes, plan.doubt)
        if self._pinning is not None:
            changed = initial or read or self._state.fact(FILES_SETTINGS) != agenda.files_fingerprint(self._mirror)
            leaving |= self._follow(changed)
        self.finish(leaving)
        advise(self._mirror, self._state, self._notify, changes, self.ledger.serials)
        self._state.set_fact(FILES_SETTINGS, agenda.files_fingerprint(self._mirror))
        self._state.set_fact(PAGES_SETTINGS, fingerprint(self._mirror.settings, "pages"))
        self._state.set_fact(OWN_SETTINGS, fingerprint(self._mirror.settings, "files"))

    def projects(self, names: list[str]) -> None:
        """Bring these projects up to date, whatever their serials say. Raises ConfigurationError for one not selected."""
        self.begin()
        wanted = [normalize(name) for name in names]
        for name in wanted:
            if not self._mirror.selection.wanted(name):
                raise ConfigurationError(f"{name}: not selected by the configuration")
        self._refresh(wanted)

    def lost(self, names: Collection[str]) -> None:
        """Make up for records of projects that can't be read; those no longer selected wait for the next whole run."""
        self._relearn(names)
        self.begin()
        self._refresh([name for name in names if self._mirror.selection.wanted(name)])

    def _refresh(self, names: Collection[str]) -> None:
        self._look(agenda.named(self._mirror, self._state, dict.fromkeys(names, True)))
        self.finish(self._publish([item for item in self._state.pending() if item[0] in names], offline=False))

    def begin(self, recovering: bool = True) -> None:
        """Know what lies here and what is pinned. recovering: whether a lost state is made up for."""
        if not recovering:
            self._state.recovered()
        elif self._state.fresh:
            self._relearn()
        asked_for = agenda.has_pins(self._mirror.settings)
        if asked_for or self._state.fact(PINNING) is not None:
            # Pins need libraries that other mirrors do without.
            from .pinning import Pinning

            self._pinning = Pinning(self._mirror, self._state, self._notify)
            self._pinning.read()
            self._state.set_fact(PINNING, "1" if asked_for else None)

    def _follow(self, changed: bool) -> _Leaving:
        """Mirror what pinned and followed releases need, too."""
        assert self._pinning is not None
        touched = self._pinning.follow() if changed else frozenset()
        if not touched:
            return {}
        # A project known already is only selected from anew.
        ask = {name: self._state.record(name) is None for name in sorted(touched)}
        self._look(agenda.named(self._mirror, self._state, ask, republish=False))
        return self._publish(self._state.pending(), offline=False)

    def _relearn(self, names: Collection[str] | None = None) -> None:
        from .relearn import relearn

        relearn(self._mirror, self._state, names)

    def indexes(self) -> None:
        """Write all pages again from what is there."""
        self.remember()
        begin_anew(self._state)
        self.publish_offline([(known.name, False) for known in self._state.known()])

    def remember(self) -> None:
        """Know what lies here and what was pinned, without asking anybody."""
        if self._state.fresh:
            self._relearn()
        if self._state.fact(PINNING) is not None:
            from .pinning import Pinning

            Pinning(self._mirror, self._state, self._notify).remember()

    def publish_offline(self, due: list[tuple[str, bool]]) -> None:
        """Publish projects from what is there, write the root, sweep. due: names, and whether their folders are looked at."""
        self.finish(self._publish(due, offline=True))

    def problems(self) -> list[str]:
        """Return what failed and will be tried again, in words."""
        return [f"{failure.project}: {failure.error}" if failure.project else failure.error for failure in self.failures()]

    def own_problems(self) -> list[str]:
        """Return those that concern no single project."""
        return [*self._mirror.own.problems, *(self._pinning.problems if self._pinning is not None else []), *self._faults]

    def failures(self) -> list[events.Failure]:
        """Return what failed and will be tried again."""
        found = [events.Failure(row.name, str(row.error or row.unmet), row.since) for row in self._state.errors()]
        return found + [events.Failure("", problem) for problem in self.own_problems()]

    def finish(self, leaving: _Leaving) -> None:
        """Write the root, then take away what no page names any more: files by project."""
        self._write_roots()
        self._sweep(leaving)
        again, self.ledger.again = sorted(self.ledger.again), set()
        if again:
            # What upstream replaced: no page tells of the old files any more, and they are out of the way.
            self.finish(self._publish([(name, False) for name in again], offline=False, again=True))

    # --- looking

    def _look(self, plan: agenda.Agenda) -> tuple[list[Change], bool]:
        """Look at projects; return what is to be done, and whether any page was read."""
        self._notify(events.Looking(plan.projects))
        changes, read, unlisted = [], False, 0
        for looked in self.results(look, Many(plan.tasks, plan.projects), changes=False):
            if isinstance(looked, Looked):
                changes.append(looked.change)
                unlisted += looked.unlisted
                read = read or looked.read
                self.ledger.looked(looked, plan.republish)
                self._notify(events.Looked(looked.change))
        if unlisted:
            self._notify(events.Notice(f"{unlisted} files stay that upstream does not list: adopted, pinned or restored"))
        self._state.set_fact(LIST_ETAG, plan.etag)
        self._state.commit()
        return changes, read

    def _catch_up(self, changes: list[Change], doubt: str | None) -> _Leaving:
        """Look again at pages that were older than upstream's list, as happens where they are cached, and publish them.

        changes: what was to be done so far; what is to be done more is added. Others wait for nothing: they are published.
        """
        late = self.ledger.taken_late()
        if not late or len(late) > _MOST_LATE:
            return {}
        time.sleep(LAG)
        changes += self._look(agenda.late(self._mirror, self._state, late))[0]
        if self.held is None:
            self._brake(changes, doubt)
        return self._publish([item for item in self._state.pending() if item[0] in late], offline=False)

    def _planned(self, changes: list[Change], projects: int, first: bool) -> None:
        self._notify(events.Planned(
            projects,
            files=sum(change.fetch for change in changes),
            bytes=sum(change.fetch_bytes for change in changes),
            unsized=sum(change.unsized for change in changes),
            remove=sum(change.remove for change in changes),
            free=self._mirror.storage.free(),
            first=first,
        ))

    def _brake(self, changes: list[Change], doubt: str | None) -> None:
        """Hold removals back that are too many to be meant."""
        settings, state = self._mirror.settings, self._state
        pins = state.fact(OWN_SETTINGS) == fingerprint(settings, "files") and brake.has_pins_from_elsewhere(settings)
        if not self._allow_deletions:
            self.held = brake.held(changes, state.totals(), settings["max_deletions"], pins, doubt)
        if self.held is not None:
            self._hold = "all" if pins else "upstream"
            state.set_fact(LIST_ETAG, None)  # the list is to be read again, and doubted again
            self._notify(events.Notice(self.held))

    # --- publishing

    def _publish(self, due: list[tuple[str, bool]], offline: bool, again: bool = False) -> _Leaving:
        """Publish projects; return names and files of those of which something is to go. again: because files of them wait."""
        self.ledger.full = False
        if not due:
            return {}
        from . import tasks  # not loaded where nothing changed
        from .publish import Published, publish

        self._state.mark((name for name, _ in due), BEGUN)
        if any(cut_off for _, cut_off in due):
            # Pages of such projects may be there already, and those about all projects may not know.
            self._state.set_fact(ROOT_DUE, "1")
        self._state.commit()
        leaving: _Leaving = {}
        begun = tasks.to_publish(self._mirror, self._state, due, self.serial, offline, self._hold, again)
        until_full = Many(takewhile(lambda task: not self.ledger.full, begun), len(due))
        for published in self.results(publish, until_full):
            if isinstance(published, Published) and self.ledger.published(published, bool(self._hold)):
                leaving[published.name] = published.leaving
        self._state.commit()
        return leaving

    # --- the end

    def _write_roots(self) -> None:
        roots = write_roots(self._mirror, self._state, self.serial, self._state.fact(ROOT_DUE) is not None)
        if roots.written:
            self._mirror.storage.flush()
            self._state.set_fact(SERIAL, str(self.serial))
        for failure in roots.failures:
            if failure not in self._faults:
                self._faults.append(failure)
                self._notify(events.Problem("", failure))
        self._state.set_fact(ROOT_DUE, "1" if roots.failures else None)
        self._state.commit()

    def _sweep(self, leaving: _Leaving) -> None:
        if leaving:
            from . import tasks
            from .sweep import Swept, sweep

            for swept in self.results(sweep, tasks.to_sweep(self._state, leaving)):
                if isinstance(swept, Swept):
                    self.ledger.swept(swept)
        self._state.commit()
        self._mirror.trash.expire(self._mirror.settings["trash_days"], clock.today(self._state))

    def results(self, step: Callable[..., Any], tasks: Any, changes: bool = True,
                failed: Callable[[StepFailure], None] | None = None) -> Any:
        """Run a step; events go to the observers, results come back, the state is committed now and then.

        changes: whether the step changes what lies in the mirror: then that is on disk before the state tells of it.
        failed: called with each task that failed; unless given, its project is marked to be worked on again by the next run.
        """
        count = 0
        for count, item in enumerate(boundary.run(self._mirror, step, tasks), 1):
            self._state.begin()
            if isinstance(item, _EVENTS):
                self._notify(item)
            elif isinstance(item, StepFailure):
                failures.log(item)
                if item.storage:
                    self._mirror.storage.names(OWN)  # which raises an error where the whole place is gone
                (failed or self.ledger.failed)(item)
            else:
                yield item
            if count % _BATCH == 0:
                if changes:
                    self._mirror.storage.flush()
                self._state.commit()
        if changes and count:
            self._mirror.storage.flush()
        self._state.begin()


_EVENTS = (events.FileStored, events.FileRemoved, events.Problem, events.ProjectPublished)
