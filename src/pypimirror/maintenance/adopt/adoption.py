"""Adopts the tree of an older mirror: first the files, then the pages, then the cleanup of a tree in place.

An interrupted adoption can be started again; it skips files that are in place and in the state.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ... import events
from ...engine.boundary import StepFailure
from ...errors import StorageError
from ...interfaces import IRunContext
from ...model import Change
from ...names import list_first
from ...settings.units import in_bytes
from ...state import records
from ...state.database import DONE, DUE, Row, State
from ...state.meta_keys import ROOT_DUE
from ...storage.filesystem import ADOPTING
from ...sync.advised import advised
from ...sync.freshness import is_unsettled
from ...sync.run import Run
from . import legacy_trees
from .cleanup import CleanupResult, CleanupTask, clean_up, clean_up_root
from .legacy_trees import FOLDERS, OldProject, OldTree
from .project import AdoptResult, AdoptTask, adopt_project

#: Maximum number of names in a message.
_MOST = 10


class AdoptionSummary(NamedTuple):
    """Result of an adoption."""

    projects: int = 0
    files: int = 0
    bytes: int = 0
    linked: int = 0
    here: int = 0
    unlisted: int = 0
    left_out: int = 0
    #: Damaged or unreadable files, and projects that failed.
    bad: int = 0
    failed: int = 0

    def __str__(self) -> str:
        parts = [f"{self.files} files with {in_bytes(self.bytes)} of {self.projects} projects adopted "
                 f"({self.linked} linked, {self.files - self.linked} copied)", f"{self.here} already in the mirror"]
        for count, text in ((self.unlisted, "that upstream does not list stay"), (self.left_out, "left out"),
                            (self.bad, "damaged, not adopted")):
            if count:
                parts.append(f"{count} {text}")
        if self.failed:
            parts.append(f"{self.failed} projects failed")
        return ", ".join(parts)


class Adoption:
    """One run of ``adopt``, under the lock."""

    def __init__(self, mirror: IRunContext, state: State, run: Run, notify: Callable[[Any], None]):
        self._mirror = mirror
        self._state = state
        self._run = run
        self._notify = notify
        self._sum = AdoptionSummary()

    def adopt(self, tree: OldTree, in_place: bool) -> AdoptionSummary:
        """Adopt a tree. in_place: whether it is the mirror's own directory."""
        becoming = in_place and not is_mirror(tree.root)
        self._run.preparation.begin(recovering=not becoming)
        found, strange = legacy_trees.find_projects(tree)
        selected = [project for project in found if self._mirror.selection.wanted(project.name)]
        self._notify_of_others("not a project name, left alone", strange)
        names = {project.name for project in selected}
        others = [project.name for project in found if project.name not in names]
        self._notify_of_others("not selected by the configuration and not adopted", others)
        clear = in_place and tree.kind == FOLDERS
        done = self._adopt_files(tree, selected, clear)
        if selected and not done:
            raise StorageError(f"{tree.root}: nothing was adopted: all of its {len(selected)} projects failed")
        if becoming:
            self._state.set_fact(ROOT_DUE, "1")  # the root page is that of the old mirror
        due = [(name, scan) for name, scan in self._state.pending() if name in done]
        self._run.publish_offline(due)
        if clear:
            self._clean_up_projects(tree, [project for project in selected if project.name in done])
        self._notify(events.Notice(str(self._sum)))
        return self._sum

    def _adopt_files(self, tree: OldTree, projects: list[OldProject], in_place: bool) -> set[str]:
        """Adopt files; return the names of the projects that did not fail."""
        self._notify(events.EvaluationStarted(len(projects)))
        tasks = (AdoptTask(tree, project, self._state.record(project.name), in_place,
                           advised(self._mirror, self._state, project.name)) for project in projects)
        done = set()
        for result in self._run.results(adopt_project, tasks, failed=self._record_failure):
            if isinstance(result, AdoptResult):
                self._notify(events.ProjectEvaluated(Change(result.name)))
                if self._record_result(result):
                    done.add(result.name)
        return done

    def _record_result(self, result: AdoptResult) -> bool:
        """Save the result of a project, and count it; return whether the project did not fail."""
        if result.record is None:
            self._sum = self._sum._replace(failed=self._sum.failed + 1)
            return False
        if result.files:
            old = self._state.row(result.name)
            row = old or Row(result.name, result.display, result.page_serial, result.page_serial, DONE, 0, 0, 0, 0)
            if is_unsettled(records.decode(result.record)):
                row = row._replace(list_serial=None, page_serial=None)  # the next sync reads the page again
            if result.advised is not None:
                row = row._replace(advised=result.advised)
            self._state.save(row._replace(pending=row.pending | DUE), result.record)
            self._state.commit()  # so that files are not hashed again after an interruption
        self._notify_of_files(result.name, "not listed upstream, adopted and kept", result.unlisted)
        why = "quarantined upstream" if result.quarantined else "left out by the configuration or upstream"
        self._notify_of_files(result.name, f"{why}, not adopted", result.left_out)
        old_sum = self._sum
        self._sum = old_sum._replace(
            projects=old_sum.projects + bool(result.files), files=old_sum.files + result.files,
            bytes=old_sum.bytes + result.bytes, linked=old_sum.linked + result.linked, here=old_sum.here + result.here,
            unlisted=old_sum.unlisted + len(result.unlisted), left_out=old_sum.left_out + len(result.left_out),
            bad=old_sum.bad + len(result.bad))
        return True

    def _record_failure(self, failure: StepFailure) -> None:
        self._sum = self._sum._replace(failed=self._sum.failed + 1)
        self._notify(events.Problem(failure.project, failure.error))

    def _clean_up_projects(self, tree: OldTree, projects: Iterable[OldProject]) -> None:
        """Remove what is left of the older mirror in the folders of projects, and in the root."""
        tasks = (CleanupTask(tree, project, self._state.record(project.name)) for project in projects)
        for cleaned in self._run.results(clean_up, tasks, failed=self._record_failure):
            if isinstance(cleaned, CleanupResult):
                self._notify_of_files(cleaned.name, "no part of the mirror, moved to the trash", cleaned.trashed)
                self._sum = self._sum._replace(failed=self._sum.failed + (cleaned.error is not None))
        self._state.commit()
        clean_up_root(tree.root)

    def _notify_of_files(self, project: str, what: str, filenames: tuple[str, ...]) -> None:
        if filenames:
            self._notify(events.Notice(f"{project}: {what}: {list_first(filenames, _MOST)}"))

    def _notify_of_others(self, why: str, names: list[str]) -> None:
        if names:
            self._notify(events.Notice(f"of the old tree {why}: {list_first(names, _MOST)}"))


def mark_begun(root: str) -> None:
    """Mark the mirror's own directory as an unfinished adoption. Raises StorageError."""
    path = os.path.join(root, ADOPTING)
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, "wb"):
            pass
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def is_mirror(root: str) -> bool:
    """Whether a directory is a mirror of pypimirror, and not an unfinished adoption."""
    return os.path.isdir(os.path.dirname(os.path.join(root, ADOPTING))) and not os.path.exists(os.path.join(root, ADOPTING))


def mark_ended(root: str) -> None:
    """Remove the mark of an unfinished adoption. Raises StorageError."""
    path = os.path.join(root, ADOPTING)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
