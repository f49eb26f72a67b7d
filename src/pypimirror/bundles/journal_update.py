"""Brings the journal up to date: compares the state with it, project by project, and makes a new mark if a path changed."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..state.database import State
from ..state.meta_keys import ROOT_DUE, SERIAL
from ..sync.project_pages import unfinished
from .contents import common_paths, decode_project, missing_paths, project_paths, removal_reason
from .journal import COMMON, Journal, PathEntry


def check_finished(mirror: IRunContext, state: State) -> None:
    """Raise MirrorError if a run was interrupted: pages may differ from the state then."""
    name = next(unfinished(mirror, state), None)
    if name is not None:
        raise MirrorError(f"the last run did not finish {name}; run sync before the export")
    if state.fresh:
        raise MirrorError("the mirror's state is new or was lost; run sync before the export")
    if state.fact(ROOT_DUE) is not None:
        raise MirrorError("the pages about all projects are not up to date; run sync before the export")


class JournalUpdate:
    """One update, in one transaction."""

    def __init__(self, mirror: IRunContext, state: State, journal: Journal):
        self._mirror, self._state, self._journal = mirror, state, journal
        self._changes = hashlib.sha256()
        last = journal.last()
        #: The serial of the mark that is made if anything changed.
        self._serial = max(int(state.fact(SERIAL) or 0), last[0] + 1 if last else 1)
        self._is_changed = last is None

    def update(self) -> str:
        """Bring the journal up to date; return the newest mark."""
        with self._journal.changing():
            for name, version in list(self._changed_projects()):  # before the tables change
                if version is None:
                    self._remove_project(name)
                else:
                    self._update_project(name, version)
            self._save_paths(COMMON, "", common_paths(self._mirror, self._state), "no longer written")
            self._compare_advisories()
            if self._is_changed:
                self._journal.add_mark(self._serial, self._changes.digest())
        last = self._journal.last()
        assert last is not None
        return last[1]

    def _changed_projects(self) -> Iterator[tuple[str, str | None]]:
        """Yield the projects that may have changed, in order, with their versions; None for one that is not published."""
        known = self._journal.versions()
        old = next(known, None)
        for name, serial, length in self._state.versions():
            while old is not None and old[0] < name:
                yield old[0], None
                old = next(known, None)
            version = self._project_version(name, serial, length)
            if old is None or old[0] != name:
                yield name, version
                continue
            if old[1] != version:
                yield name, version
            old = next(known, None)
        while old is not None:
            yield old[0], None
            old = next(known, None)

    def _project_version(self, name: str, serial: int, length: int) -> str:
        """Return a text that changes whenever a path of a project does.

        The serial changes with the pages, which list nearly everything; a sidecar that no page lists changes the length of the
        record.
        """
        if self._mirror.writers:
            return f"{serial} {length}"
        return f"{serial} {length} {zlib.crc32(self._state.record(name) or b'')}"

    def _update_project(self, name: str, version: str) -> None:
        """Save the present paths of a project. Raises MirrorError if its record is missing."""
        record = self._state.record(name)
        if record is None:
            raise MirrorError(f"{name}: its record is missing; run verify --repair before the export")
        project = decode_project(record, name)
        paths = project_paths(self._mirror, project)
        self._save_paths(name, version, paths, None)

    def _save_paths(self, name: str, version: str, paths: dict[str, PathEntry], why: str | None) -> None:
        """Save the paths of a project. why: the reason of removals; None to find it."""
        old = self._journal.paths(name)
        new = {path: self._with_serial(entry, old.get(path)) for path, entry in paths.items()}
        lost = missing_paths(old, new)
        if not lost and new == old and (old or name == COMMON):
            self._journal.save(name, version, None, new)
            return
        for path in sorted(new):
            self._changes.update(f"{path} {new[path].sha256}\n".encode())
        self._is_changed = True
        self._journal.save(name, version, self._serial, new)
        if lost:
            self._journal.remove(self._serial, ((path, why or self._removal_reason(name, path)) for path in lost))

    def _compare_advisories(self) -> None:
        """Record the advisories that changed."""
        advisories = self._mirror.advisories if self._mirror.settings["advisories"] else None
        if advisories is None:
            return
        for one in self._journal.compare_advisories(advisories.generation, advisories.document_versions(), self._serial):
            self._changes.update(f"advisory {one}\n".encode())
            self._is_changed = True

    def _with_serial(self, entry: PathEntry, old: PathEntry | None) -> PathEntry:
        """Return an entry with the serial of its last change. old: that of the journal."""
        unchanged = old is not None and old[:2] == entry[:2]
        return entry._replace(since=old.since if unchanged and old is not None else self._serial)

    def _remove_project(self, name: str) -> None:
        self._changes.update(f"{name} removed\n".encode())
        self._is_changed = True
        self._journal.forget(name, self._serial, self._removal_reason(name, ""))

    def _removal_reason(self, name: str, path: str) -> str:
        record = self._state.record(name)
        return removal_reason(name, path, decode_project(record, name) if record else None, self._mirror.selection.wanted(name))
