"""One run: brings the mirror to the state that upstream and the configuration define.

Its rounds evaluate projects and publish those that are due: files, then pages. The pages about all projects follow, then the
sweep. Nothing that a round decided reaches the next one but by the state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .. import events
from ..interfaces import IRunContext
from ..model import Change, Totals
from ..settings.values import fingerprint
from ..state.database import DUE, State
from ..state.meta_keys import (
    FILES_SETTINGS,
    FOLLOW_DUE,
    LAST_GOOD,
    LIST_ETAG,
    OWN_SETTINGS,
    PAGES_SETTINGS,
    PINNING,
    RETAINED,
    ROOT_DUE,
)
from . import advised, brake, clock, filter_removals, first_fetch, worklist
from .filter_times import FilterTimes
from .hints import give_hints
from .preparation import Preparation
from .publisher import Publisher
from .result_recorder import ResultRecorder
from .root_pages import begin_anew
from .run_failures import RunFailures

if TYPE_CHECKING:
    from ..engine.boundary import StepFailure
    from .refused_files import RefusedFile

#: Pages older than upstream's list are read again so often, after so many seconds; if they are more, it is no passing lag.
_LOOKS, LAG, _MOST_LATE = 2, 2.0, 200


class Run:
    """The coordinator of one run; it alone writes the state."""

    def __init__(self, mirror: IRunContext, state: State, notify: Callable[[Any], None], allow_deletions: bool = False):
        self._mirror = mirror
        self._state = state
        #: Records the results.
        self.recorder = ResultRecorder(mirror, state, notify)
        self._notify = notify
        self._allow_deletions = allow_deletions
        self.publisher = Publisher(mirror, state, notify, self.recorder, self.results)
        self.failures = RunFailures(mirror, state, self.recorder, self.publisher)
        #: Loads the state, advisories, pins and settings.
        self.preparation = Preparation(mirror, state, notify, self.publisher, self.failures, allow_deletions)
        #: Message about removals that are held back, or None.
        self.held: str | None = None
        #: Called with a first fetch above ``confirm_above``; raises MirrorError unless it is confirmed. None confirms all.
        self.confirm: Callable[[first_fetch.FirstFetch], None] | None = None
        #: The change of each project by name; a project that is evaluated twice counts once.
        self._changes: dict[str, Change] = {}
        #: What each filter took.
        self.times = FilterTimes(mirror)
        #: Totals at the beginning of the run.
        self._totals = Totals()

    def sync(self, initial: bool) -> None:
        """Bring the whole mirror up to date. Raises FetchError, InvalidPage if upstream's list can't be read."""
        self.publisher.is_whole = True
        self.preparation.begin()
        first = self._state.fact(LAST_GOOD) is None
        if self._state.fact(PAGES_SETTINGS) not in (None, fingerprint(self._mirror.settings, "pages")):
            self._state.set_fact(ROOT_DUE, "1")
        self._remind()
        self._totals = self._state.totals()
        self._remove_malicious()
        gate = first_fetch.Gate(self._mirror, self._state, self.confirm)
        plan = worklist.draw_up(self._mirror, self._state, initial, self._allow_deletions, clock.is_set_back(self._state))
        gate.check_projects(plan.selected)
        self._report(plan)
        published: set[str] = set()
        self._evaluate(plan, gate, published)
        gate.check_size(self._changes.values())
        pending = self._state.pending()
        due = [item for item in pending if item[0] not in published]
        self.publisher.unfinished = frozenset(name for name, _ in pending) & published
        if due or published:
            from .evaluation_pass import plan_made

            self._notify(plan_made(self._mirror, self._changes.values(), len(due) + len(published), first))
        self._brake(plan.doubt)
        self.publisher.publish(due)
        for further in self._further(initial):
            self._round(further, plan.doubt)
        self.publisher.finish()
        if self._state.fact(FOLLOW_DUE) is not None and (required := self._required(False)) is not None:
            # Of files that waited for the sweep, and of releases of selected projects that others require.
            self._round(required, plan.doubt)
            self.publisher.finish()
        if plan.listed is not None and plan.selected and not self._state.totals().projects:
            self._check_for_pages(plan.selected)
        self._finish()

    def _remind(self) -> None:
        """Notify the observers of a jump of the clock, and of decisions and exemptions that end soon."""
        if (jump := clock.jump(self._state)) is not None:
            self._notify(events.Notice(jump))
        if self._mirror.settings["decisions"].path or self._mirror.settings["min_age_exempt"]:
            from ..settings.expiry import expiring

            for each in expiring(self._mirror.settings):
                self._notify(events.Notice(str(each)))

    def _report(self, plan: worklist.Worklist) -> None:
        """Notify the observers of upstream's list and of names on it that are left out."""
        if plan.listed is not None:
            self._notify(plan.listed)
        for problem in plan.problems:
            self._notify(events.Problem("", problem, "left out"))

    def _finish(self) -> None:
        """Finish the pins, give hints, and record what the run has applied to the whole mirror."""
        if self.preparation.pinning is not None:
            self.preparation.pinning.finish()
            if not worklist.has_pins(self._mirror.settings) and self._state.fact(RETAINED) is None:
                # Not before: what an interrupted run leaves of the pins is removed by the next one.
                self._state.set_fact(PINNING, None)
        give_hints(self._mirror, self._state, self._notify, self._changes.values(), self.recorder.serials)
        for warning in self.times.warnings():
            self._notify(events.Notice(warning))
        self._state.set_fact(FILES_SETTINGS, worklist.files_fingerprint(self._mirror))
        self._state.set_fact(PAGES_SETTINGS, fingerprint(self._mirror.settings, "pages"))
        self._state.set_fact(OWN_SETTINGS, fingerprint(self._mirror.settings, "files"))
        advised.remember(self._mirror, self._state)
        if self.held is None:
            filter_removals.remember(self._mirror, self._state)

    def _remove_malicious(self) -> None:
        """Take releases out that new advisories call malicious, before any request to upstream, which may fail."""
        names = [name for name, is_malicious in advised.changed(self._mirror, self._state).items() if is_malicious]
        if not names:
            return
        self._evaluate(worklist.named(self._mirror, self._state, dict.fromkeys(names, False), republish=False))
        self._brake(None)
        self.publish_offline([item for item in self._state.pending() if item[0] in names])

    def _check_for_pages(self, selected: int) -> None:
        """Report a list of which no selected project has a page, as links of a login page. selected: their number."""
        from .absence import without_pages  # most mirrors have projects

        fault = without_pages(self._mirror, self._state, selected)
        if fault is not None:
            self.recorder.problems.append(fault)
            self._state.set_fact(LIST_ETAG, None)  # the next run reads the list again, and reports it, too

    def _further(self, initial: bool) -> Iterator[worklist.Worklist]:
        """Yield what else is to be evaluated: pages older than upstream's list, then what published releases require."""
        for _ in range(_LOOKS):
            late = self.recorder.taken_late()
            if not late or len(late) > _MOST_LATE:
                break
            time.sleep(LAG)  # pages are cached for a moment
            yield worklist.late(self._mirror, self._state, late)
        else:
            late = self.recorder.taken_late()
        if late:
            from .freshness import late_pages

            self._notify(events.Notice(late_pages(late)))
        if (required := self._required(initial)) is not None:
            yield required

    def _required(self, initial: bool) -> worklist.Worklist | None:
        """Return the projects whose releases published ones now require, or no longer; None without any."""
        if self.preparation.pinning is None:
            return None
        changed = initial or self._state.fact(FILES_SETTINGS) != worklist.files_fingerprint(self._mirror)
        touched = sorted(self.preparation.pinning.follow(changed))
        # The page of a known project is not read again; only its selection changes.
        ask = {name: self._state.record(name) is None for name in touched}
        return worklist.named(self._mirror, self._state, ask, republish=False) if touched else None

    def _round(self, plan: worklist.Worklist, doubt: str | None) -> None:
        """Evaluate the projects of a worklist, and publish the projects that are due since the last round."""
        evaluated = self._evaluate(plan) if plan.projects else frozenset()
        if self.held is None:
            self._brake(doubt)
            if self.held is not None:
                # Nothing was swept yet: files that this run has removed from pages are published again.
                evaluated |= frozenset(self._state.unswept())
                self._state.mark(evaluated, DUE)
        due = self._state.pending()
        self.publisher.publish([item for item in due if item[0] in evaluated or item[0] not in self.publisher.unfinished])

    def projects(self, names: list[str]) -> None:
        """Bring these projects up to date, also unchanged ones. Raises ConfigurationError as ``worklist.selected``."""
        self.preparation.begin()
        self._totals = self._state.totals()
        self._refresh(worklist.selected(self._mirror, names), braked=True)

    def lost(self, names: Collection[str]) -> None:
        """Rebuild the unreadable records of these projects; those no longer selected wait for the next whole run."""
        self.preparation.relearn(names)
        self.preparation.begin()
        self._refresh([name for name in names if self._mirror.selection.wanted(name)])

    def _refresh(self, names: Collection[str], braked: bool = False) -> None:
        gate = first_fetch.Gate(self._mirror, self._state, self.confirm)
        gate.check_projects(len(names))
        self._evaluate(worklist.named(self._mirror, self._state, dict.fromkeys(names, True)))
        gate.check_size(self._changes.values())
        if braked:
            self._brake(None)
        self.publisher.publish([item for item in self._state.pending() if item[0] in names])
        self.publisher.finish()

    def indexes(self) -> None:
        """Write all pages again without downloads."""
        self.publisher.is_whole = True
        self.preparation.remember()
        begin_anew(self._state)
        names = [known.name for known in self._state.known()]
        if filter_removals.of_plugins(self._mirror):
            self._brake_filters(names)
        cut_off = dict(self._state.pending())
        self.publish_offline([(name, cut_off.get(name, False)) for name in names])

    def _brake_filters(self, names: Collection[str]) -> None:
        """Hold removals back if filters of plugins exclude too many files of the mirror. Requests and records nothing."""
        self._totals = self._state.totals()
        plan = worklist.named(self._mirror, self._state, dict.fromkeys(names, False))
        for item in self._evaluations(plan, failed=lambda failure: None):
            self._changes[item.name] = item.change
        self._brake(None)

    def publish_offline(self, due: list[tuple[str, bool]]) -> None:
        """Publish projects without downloads, write root pages, sweep. due: names, and whether their folders are scanned."""
        self.publisher.publish(due, offline=True)
        self.publisher.finish()

    # --- evaluation

    def _evaluate(self, plan: worklist.Worklist, gate: first_fetch.Gate | None = None,
                  published: set[str] | None = None) -> frozenset[str]:
        """Evaluate projects; return their names.

        Args: gate: projects from which nothing is removed are published meanwhile, as far as it lets them; None publishes none.
        published: gets their names.
        """
        self._notify(events.EvaluationStarted(plan.projects))
        names, etag = frozenset[str](), plan.etag
        if plan.projects:
            from .evaluation_pass import EvaluationPass  # not loaded where nothing changed

            done = EvaluationPass(self._mirror, self.recorder, self._notify, plan, self._changes, self.times,
                                  self._allow_deletions)
            done.record(self._evaluations(plan) if gate is None or published is None
                        else self._pipeline(plan, gate, published))
            names, etag = frozenset(done.names), done.etag
            self._keep_refused(done.refused)
        self._state.set_fact(LIST_ETAG, etag)
        self._state.commit()
        return names

    def _keep_refused(self, refused: Collection[RefusedFile]) -> None:
        """Keep refused files in the trash."""
        if refused:
            from .refused_files import keep_refused

            for _ in self.results(keep_refused, refused):
                pass

    def _evaluations(self, plan: worklist.Worklist, failed: Callable[[StepFailure], None] | None = None) -> Iterator[Any]:
        from .evaluate import evaluate

        return self.results(evaluate, plan.tasks, changes=False, failed=failed)

    def _pipeline(self, plan: worklist.Worklist, gate: first_fetch.Gate, published: set[str]) -> Iterator[Any]:
        from .pipeline import Pipeline, evaluate_or_publish

        self.recorder.full = False
        pipeline = Pipeline(self._mirror, self._state, self.recorder, gate, plan.tasks, self.publisher.serial, published)
        return pipeline.results(self.results(evaluate_or_publish, pipeline, committed=pipeline.committed))

    def _brake(self, doubt: str | None) -> None:
        """Hold removals back if they exceed max_deletions. doubt: why upstream's list is doubted, or None."""
        if self._allow_deletions:
            return
        verdict = brake.judge(self._mirror, self._state, self._changes.values(), self._totals, doubt)
        if verdict is not None:
            self.held, self.publisher.hold = verdict
            self._state.set_fact(LIST_ETAG, None)  # the next run reads the list again
            self._notify(events.Notice(self.held))

    def results(self, step: Callable[..., Any], tasks: Iterable[Any], changes: bool = True,
                failed: Callable[[StepFailure], None] | None = None,
                committed: Callable[[], None] = lambda: None) -> Iterator[Any]:
        """Run a step for every task and yield the results; notify the observers of events and commit the state in batches.

        Args: changes: whether the step writes to the storage.
        failed: called with each failure; by default the next run works on the project of the task again.
        committed: called after each commit but the last one.
        """
        from .step_results import run_step  # not loaded where nothing changed

        return run_step(self._mirror, self._state, self._notify, step, tasks, changes, failed or self.recorder.failed,
                        committed)
