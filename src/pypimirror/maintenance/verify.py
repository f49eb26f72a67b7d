"""Verifies the whole mirror: files against their hashes, pages against the state, the tree for strays."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any, NamedTuple

from .. import events
from ..engine.boundary import StepFailure
from ..errors import StorageError
from ..interfaces import IRunContext
from ..names import PINS, distribution, is_distribution, is_project, normalize
from ..settings.values import fingerprint
from ..snapshots.model import folder
from ..snapshots.places import has_snapshots, snapshots_of
from ..state.database import DONE, State
from ..state.meta_keys import PAGES_SETTINGS, PIN_FILES, ROOT_DUE
from ..sync.own_pages import folders
from ..sync.publish import PublishResult
from ..sync.root_pages import begin_anew, wrong_roots
from ..sync.run import Run
from .inspection import Fault, Inspection, InspectTask, inspect
from .repair import RepairTask, clear_folders, repair_project

#: Name of a fact in the state: the start of an unfinished verification, in seconds since 1970.
VERIFYING = "verifying"
#: Seconds for which results of an interrupted verification are reused.
_BELIEVED = 7 * 86400
#: Seconds between commits of the progress.
_PAUSE = 1.0
#: A pin file that the storage does not find; what is in the place of its folder is not looked through.
_NO_PIN_FILE = "missing or obstructed; the next sync writes it, or reports why it can't"


class VerifyResult(NamedTuple):
    """Result of a verification."""

    #: The number of faults, and of those that remain.
    wrong: int = 0
    left: int = 0


class Verification:
    """Coordinates a verification; the only writer of the state."""

    def __init__(self, mirror: IRunContext, state: State, run: Run, notify: Callable[[Any], None]):
        self._mirror, self._state, self._run, self._notify = mirror, state, run, notify
        self._reported: set[Fault] = set()

    def verify(self, mend: bool) -> VerifyResult:
        """Verify the mirror, or the rest of it after an interrupted verification.

        mend: whether to repair faults."""
        whole = list(self._check_state())
        seen = self._verified_before()
        self._read_tree()
        sums = self._state.unchecked()
        self._notify(events.VerificationStarted(sums.projects, sums.files, sums.bytes, len(seen)))
        found: dict[str, tuple[Fault, ...]] = {}
        projects = files = size = 0
        for one in self._inspect_projects([name for name in self._known_names() if name not in seen]):
            projects, files, size = projects + (one.files > 0), files + one.files, size + one.bytes
            if one.findings:
                found[one.name] = one.findings
        roots = self._inspect_root(found)
        wrong = len(whole) + sum(map(len, found.values())) + len(roots)
        left, repaired = self._repair_all(whole, found, roots) if mend and wrong else (wrong, 0)
        self._state.begin()
        self._state.set_fact(VERIFYING, None)
        self._state.forget_checked()
        self._state.commit()
        self._notify(events.VerificationFinished(projects, files, size, wrong, repaired))
        return VerifyResult(wrong, left)

    # --- inspection

    def _check_state(self) -> Iterator[Fault]:
        """Yield faults of the whole state; a damaged one is renamed and created again, as by any run."""
        damage = self._state.damage()
        if damage is not None:
            self._notify(events.Notice(self._state.renew(damage)))
        if self._state.fresh and folders(self._mirror.storage):
            finding = Fault(self._state.path, "state", "it lacks the mirror's content: new, lost or damaged")
            self._report_once(finding)
            yield finding

    def _verified_before(self) -> frozenset[str]:
        """Return the names of the projects that an interrupted verification found intact."""
        began, now = self._state.fact(VERIFYING), time.time()
        self._state.begin()
        if began is None or not now - _BELIEVED < float(began) <= now:
            self._state.forget_checked()
            self._state.set_fact(VERIFYING, str(now))
        seen = frozenset(self._state.checked())
        self._state.commit()
        return seen

    def _read_tree(self) -> None:
        """Read the tree, and determine which comparisons are possible."""
        self._tree = folders(self._mirror.storage)
        self._remembered = not self._state.fresh
        # After a change of the configuration, pages differ from it until the next sync.
        self._settled = self._state.fact(PAGES_SETTINGS) == fingerprint(self._mirror.settings, "pages")

    def _known_names(self) -> list[str]:
        return sorted({*self._tree, *(known.name for known in self._state.known())})

    def _inspect_projects(self, names: Collection[str]) -> Iterator[Inspection]:
        """Inspect projects, and report their faults."""
        last = time.monotonic()
        tasks = (task for name in names if (task := self._make_task(name)) is not None)
        failed: list[Inspection] = []
        done = self._run.results(inspect, tasks, changes=False,
                                 failed=lambda failure: failed.append(_failed_inspection(failure)))
        for one in chain(done, failed):
            self._notify(events.ProjectVerified(one.name, one.files, one.bytes))
            for finding in one.findings:
                self._report_once(finding)
            if not one.findings:
                self._state.mark_checked(one.name)
            if not one.sections:
                self._state.sections.drop(one.name)
            if time.monotonic() - last > _PAUSE:
                self._state.commit()
                last = time.monotonic()
            yield one
        self._state.commit()

    def _make_task(self, name: str) -> InspectTask | None:
        row, spelled = self._state.row(name), tuple(self._tree.get(name, ()))
        if row is None and not (spelled and is_project(name)):
            return None
        settled = self._settled and (row is None or row.pending == DONE)
        return InspectTask(name, self._state.record(name), row.serial if row else 0, spelled, settled, self._remembered,
                           self._state.sections.of(name))

    def _inspect_root(self, found: dict[str, tuple[Fault, ...]]) -> list[Fault]:
        """Inspect the root: its pages, stray distributions, and the pin files that clients extend from."""
        findings = [Fault(name, "stray", "a distribution outside of its project's folder")
                    for name in self._mirror.storage.listdir("") if is_distribution(distribution(name))]
        pages = {f"{writer.root}/" for writer in self._mirror.writers if writer.root}
        findings += [Fault(name, "folder", "a folder in place of a page")
                     for name in self._mirror.storage.listdir("") if name in pages]
        if self._remembered and self._settled and self._state.fact(ROOT_DUE) is None:
            readable = not any(finding.kind == "record" for each in found.values() for finding in each)
            findings += [Fault(path, "root", why) for path, why in wrong_roots(self._mirror, self._state, readable)]
        findings += self._find_unreadable_pin_files()
        findings += self._find_snapshot_faults()
        for finding in findings:
            self._report_once(finding)
        return findings

    def _find_unreadable_pin_files(self) -> Iterator[Fault]:
        """Yield the pin files of the last run that can't be read; the next one writes them, once their folder is one."""
        for name in (self._state.fact(PIN_FILES) or "").split():
            try:
                content = self._mirror.storage.read(f"{PINS}/{name}")
                why = _NO_PIN_FILE if content is None else ""
            except StorageError as error:
                why = f"can't be read: {error}"
            if why:
                yield Fault(f"{PINS}/{name}", "pins", why)

    def _find_snapshot_faults(self) -> Iterator[Fault]:
        """Yield the faults of snapshots."""
        if not has_snapshots(self._mirror):
            return
        tree = snapshots_of(self._mirror)
        for name in tree.names():
            try:
                tree.get(name)
                faults = list(tree.faults(name))
            except StorageError as error:
                faults = [(folder(name), str(error))]
            yield from (Fault(path, "snapshot", why) for path, why in faults)

    def _report_once(self, finding: Fault) -> None:
        if finding not in self._reported:  # remaining faults are found twice
            self._reported.add(finding)
            self._notify(events.FaultFound(finding.path, finding.message))

    # --- repair

    def _repair_all(self, whole: list[Fault], found: dict[str, tuple[Fault, ...]], roots: list[Fault]) -> tuple[int, int]:
        """Repair all faults; return the numbers of remaining and of repaired ones."""
        self._state.begin()
        for name, findings in (*found.items(), ("", tuple(roots))):
            clear_folders(self._mirror, name, [finding.path for finding in findings if finding.kind == "folder"], self._notify)
        self._repair_root(roots)
        if self._remembered:
            lost = self._repair_known(found)
            if lost:
                self._run.lost(lost)
        else:
            self._run.sync(initial=True)
        self._repair_snapshots(roots)
        failed = {row.name for row in self._state.errors() if row.name in found or not self._remembered}
        self._read_tree()
        left = [finding for one in self._inspect_projects(sorted(found)) for finding in one.findings] + self._inspect_root({})
        unavailable = {finding.path for name in failed for finding in found.get(name, ()) if self._is_unavailable(finding)}
        wrong = unavailable.union(finding.path for finding in left)
        repaired = [finding.path for finding in (*whole, *chain.from_iterable(found.values()), *roots)
                    if finding.path not in wrong]
        for path in repaired:
            self._notify(events.FaultRepaired(path))
        return len(left) + len(failed), len(repaired)

    def _repair_root(self, roots: list[Fault]) -> None:
        """Move stray files to the trash, and have the run write damaged pages about all projects."""
        for finding in roots:
            if finding.kind == "stray":
                self._mirror.trash.put_stray(finding.path, _project_for_trash(finding.path), finding.path)
            elif finding.kind in ("root", "folder"):
                begin_anew(self._state)

    def _repair_snapshots(self, roots: list[Fault]) -> None:
        """Link missing and damaged files of snapshots to those of the mirror, which were repaired before."""
        names = {finding.path.split("/")[1] for finding in roots if finding.kind == "snapshot" and finding.path.count("/") > 2}
        for name in sorted(names):
            snapshots_of(self._mirror).repair(name)

    def _is_unavailable(self, finding: Fault) -> bool:
        """Whether a file was removed from its page, because it could not be fetched again."""
        return finding.kind in ("missing", "damaged") and self._mirror.storage.size(finding.path) is None

    def _repair_known(self, found: dict[str, tuple[Fault, ...]]) -> list[str]:
        """Repair the projects with usable records; return the names of the others."""
        lost, tasks = [], []
        for name, findings in found.items():
            row, kinds = self._state.row(name), {finding.kind for finding in findings}
            if "unreadable" in kinds:
                continue
            if "record" in kinds or (row is not None and (row.pending != DONE or not self._settled)):
                lost.append(name)
            else:
                record = self._state.record(name)
                tasks.append(RepairTask(name, record, row.serial if row else 0, self._run.publisher.serial, findings))
        for item in self._run.results(repair_project, tasks):
            if isinstance(item, PublishResult):
                self._run.recorder.published(item)
        self._run.publisher.finish()
        return lost


def _failed_inspection(failure: StepFailure) -> Inspection:
    """Return the result for a project whose inspection raised an exception."""
    return Inspection(failure.project, (Fault(failure.project, "unreadable", f"can't be verified: {failure.error}"),))


def _project_for_trash(filename: str) -> str:
    """Return a project name for a distribution outside of project folders, for the trash."""
    name = normalize(filename.partition("-")[0])
    return name if is_project(name) else "unknown"
