"""Restores files from the trash: they stay published although upstream removed them.

Files that the configuration excludes, malicious ones, and those of quarantined projects, are not restored. A restored
file stays until the
configuration excludes it; once upstream lists it again, it is an ordinary file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..model import File, Project
from ..names import METADATA, PROVENANCE, SIGNATURE, is_distribution, is_project, normalize
from ..state import records
from ..state.database import BEGUN, Row, State
from ..sync.advised import advised
from ..sync.offered_files import select_files
from ..sync.run import Run
from .trash import TrashedFile

#: ``Requires-Python`` in core metadata, for a file without other facts.
_REQUIRES = re.compile(rb"^Requires-Python:[ \t]*([^\r\n]+)", re.MULTILINE)


class RestoreResult(NamedTuple):
    """Result of restoring one file."""

    project: str
    filename: str
    #: Why it was not restored; empty if it was.
    why: str = ""


class Restoration:
    """Coordinates a restoration; the only writer of the state."""

    def __init__(self, mirror: IRunContext, state: State, run: Run):
        self._mirror, self._state, self._run = mirror, state, run
        self._force = False

    def restore(self, name: str, force: bool = False) -> list[RestoreResult]:
        """Restore a file, or all files of a project. Raises MirrorError if it finds no file.

        name: of the file or project; force: whether also malicious files are restored, which stay then.
        """
        self._force = force
        projects: dict[str, dict[str, TrashedFile]] = {}
        for waiting in self._mirror.trash.trashed_files():
            valid = is_project(waiting.project) and is_distribution(waiting.filename) and not waiting.refused
            if valid and (waiting.filename == name or waiting.project == normalize(name)):
                # The newest of several days' files.
                projects.setdefault(waiting.project, {}).setdefault(waiting.filename, waiting)
        if not projects:
            raise MirrorError(f"{name!r}: no project and no file of that name is in the trash")
        self._run.preparation.remember()
        refused = {project: self._mark_for_publishing(project, list(files.values())) for project, files in projects.items()}
        self._run.publish_offline([(project, True) for project in projects if len(refused[project]) < len(projects[project])])
        return [RestoreResult(project, filename, refused[project].get(filename) or self._reason_if_missing(project, filename))
                for project, files in sorted(projects.items()) for filename in sorted(files)]

    def _mark_for_publishing(self, name: str, files: list[TrashedFile]) -> dict[str, str]:
        """Mark files of a project for publishing in the state; return the reasons for the others by name."""
        project, row = self._read_project(name), self._state.row(name)
        known = {file.filename: file for file in project.files}
        back, refused = self._find_intact(files, known)
        selected = select_files(self._mirror, _with_files(project, {**known, **back}))
        names = {file.filename for file in selected.files}
        reasons = {one.file.filename: one.reason for one in selected.left_out}
        for filename in back.keys() - names:
            why = f"is left out by the configuration ({reasons.get(filename, 'pinned with another hash')})"
            refused[filename] = "is quarantined upstream" if project.quarantined else why
        good = {filename: file for filename, file in back.items() if filename in names}
        if good:
            row = row or Row(name, project.display or name, None, None, BEGUN, 0, 0, 0, 0)
            if self._mirror.settings["advisories"] and (present := advised(self._mirror, self._state, name)) is not None:
                row = row._replace(advised=present.digest)  # the record has these now
            self._state.begin()
            # If this run is interrupted, the next one takes the file out of the trash.
            self._state.save(row._replace(pending=BEGUN), records.encode(_with_files(project, {**known, **good})))
            self._state.commit()
        return refused

    def _find_intact(self, files: list[TrashedFile], known: Mapping[str, File]) -> tuple[dict[str, File], dict[str, str]]:
        """Return the intact files that are not in the mirror, and the reasons for the others, both by name."""
        back: dict[str, File] = {}
        refused: dict[str, str] = {}
        for waiting in files:
            file = known.get(waiting.filename)
            if file is not None and file.stored is not None:
                refused[waiting.filename] = "is in the mirror"
            elif (ids := self._mirror.trash.malicious(waiting)) and not self._force:
                refused[waiting.filename] = f"is malicious by {', '.join(ids)}; --force restores it all the same"
            elif (found := self._restored_file(waiting, file)) is None:
                refused[waiting.filename] = "is damaged, or not the one that upstream lists now"
            else:
                back[waiting.filename] = found
        return back, refused

    def _read_project(self, name: str) -> Project:
        record = self._state.record(name)
        try:
            project = records.decode(record) if record is not None else Project(name, listed=False)
            return self._mirror.advisories.current(project) if self._mirror.settings["advisories"] else project
        except ValueError as error:
            raise MirrorError(f"{name}: its record can't be read ({error}); run verify --repair") from error

    def _restored_file(self, waiting: TrashedFile, listed: File | None) -> File | None:
        """Return a file for publishing, or None if its content is wrong. listed: upstream's current entry."""
        sha256 = self._mirror.trash.digest(waiting)
        file = listed or self._mirror.trash.facts(waiting) or File(waiting.filename, "")
        expected = file.hashes.get("sha256") or (file.stored.sha256 if file.stored is not None else sha256)
        if sha256 is None or sha256 != expected:
            return None
        file = file._replace(hashes={**file.hashes, "sha256": sha256}, stored=None, forced=self._force)
        if listed is not None:
            return file
        metadata = self._mirror.trash.digest(waiting, METADATA)
        return file._replace(
            listed=False, adopted=True, url="", external=None, validator=None,
            core_metadata=False if metadata is None else {"sha256": metadata},
            provenance=None if self._mirror.trash.digest(waiting, PROVENANCE) is None else "",
            gpg_sig=self._mirror.trash.digest(waiting, SIGNATURE) is not None or (False if file.gpg_sig is False else None),
            requires_python=file.requires_python or self._requires_python(waiting))

    def _requires_python(self, waiting: TrashedFile) -> str | None:
        """Return the Requires-Python in the metadata of a file in the trash, or None."""
        found = _REQUIRES.search((self._mirror.trash.metadata(waiting) or b"").partition(b"\n\n")[0])
        return found[1].decode("utf-8", "replace").strip() if found else None

    def _reason_if_missing(self, name: str, filename: str) -> str:
        """Return why a file is not published; empty if it is."""
        file = next((file for file in self._read_project(name).files if file.filename == filename), None)
        if file is not None and file.stored is not None and file.stored.published:
            return ""
        row = self._state.row(name)
        return (row.error if row is not None else None) or "could not be restored"


def _with_files(project: Project, files: dict[str, File]) -> Project:
    return project._replace(files=tuple(files[name] for name in sorted(files)))
