"""The release source of the resolver: answers from the state where possible, and from upstream otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO

from ..errors import MirrorError
from ..events import Notice
from ..interfaces import IRunContext
from ..metadata.archives import wheel_metadata
from ..model import File, Project
from ..pins.sdist import Sdist, read_sdist
from ..selected import Selected
from ..state import records
from ..state.database import BEGUN, DUE, Row, State
from . import publishers
from .advised import advised
from .ensure_file import ensure_file
from .evaluate import EvaluateTask, evaluate
from .offered_files import offered_files


class StateCatalogue:
    """Projects, core metadata and sdists (``pypimirror.pins.dependencies.ReleaseSource``).

    Fetched pages and files are stored immediately, so that nothing is fetched twice; the same run sweeps those that turn out
    not to be needed.
    """

    def __init__(self, mirror: IRunContext, state: State, build_requirements: bool, notify: Callable[[Any], None]):
        self._mirror, self._state, self._notify = mirror, state, notify
        self._build_requirements = build_requirements
        self._projects: dict[str, Project] = {}
        #: Normalised project names by file name.
        self._owners: dict[str, str] = {}
        self._sdists: dict[str, Sdist | None] = {}
        self._held: dict[str, tuple[File, ...]] = {}
        #: When the first file is let in that is held back now, in seconds since 1970, or None.
        self.due: float | None = None

    def releases(self, name: str) -> Sequence[File]:
        if not self._mirror.selection.allowed(name):
            return ()
        found = self._requirable(name)
        self._held[name] = tuple(one.file for one in found.left_out)
        self.due = min((due for due in (self.due, found.due) if due is not None), default=None)
        self.own(name, found.files)
        return found.files

    def held(self, name: str) -> Sequence[File]:
        """Return the files of a project that filters for safety hold back. Called after ``releases``."""
        return self._held.get(name, ())

    def _requirable(self, name: str) -> Selected:
        project = self._project(name)
        found = self._select(project)
        uncompared = publishers.uncompared(found)
        if uncompared:
            # Of a project that is only required, nothing else would compare a newer release.
            compared = publishers.with_publishers(self._mirror, project, uncompared)
            found = self._select(compared)
            self._keep(compared)
            for filename, reason in publishers.newly_held(project, found):
                self._notify(Notice(publishers.held_back(name, filename, reason)))
        return found

    def _select(self, project: Project) -> Selected:
        return self._mirror.selection.requirable(project._replace(files=offered_files(self._mirror, project)))

    def _keep(self, project: Project) -> None:
        """Store a record with the publishers of files."""
        row = self._state.row(project.name)
        if row is not None:
            self._projects[project.name] = project
            self._state.save(row, records.encode(project))

    def own(self, name: str, files: Iterable[File]) -> None:
        """Register the project of files; required before ``metadata`` and ``sdist`` are called with them."""
        self._owners.update((file.filename, name) for file in files)

    def metadata(self, file: File) -> bytes | None:
        name = self._owners[file.filename]
        if file.stored is None or file.stored.metadata:
            try:
                if (found := self._mirror.core_metadata(name, file)) is not None:
                    return found
            except MirrorError:
                pass  # the wheel itself holds the same
        with self._opened(name, file) as stream:
            return wheel_metadata(stream)

    def sdist(self, file: File) -> Sdist | None:
        if file.filename not in self._sdists:
            self._sdists[file.filename] = self._read(file)
        found = self._sdists[file.filename]
        return found if self._build_requirements or found is None else Sdist((), found.metadata, found.requires)

    def _project(self, name: str) -> Project:
        if name not in self._projects:
            record = self._state.record(name)
            # Runs keep only selected projects up to date.
            current = record is not None and self._mirror.selection.wanted(name)
            self._projects[name] = records.decode(record) if record is not None and current else self._asked(name, record)
        return self._projects[name]

    def _asked(self, name: str, record: bytes | None) -> Project:
        evaluation = evaluate(self._mirror, EvaluateTask(
            name, record, force=record is None, advised=advised(self._mirror, self._state, name)), lambda event: None)
        if evaluation.project is None or evaluation.error is not None:
            raise MirrorError(f"{name}: {evaluation.error}")
        project = records.decode(evaluation.project)
        if project.listed:
            row = self._state.row(name) or Row(name, evaluation.display, None, None, DUE, 0, 0, 0, 0)
            self._state.begin()
            row = row._replace(advised=row.advised if evaluation.advised is None else evaluation.advised)
            self._state.save(row._replace(display=evaluation.display, page_serial=evaluation.page_serial, due=evaluation.due,
                                          pending=row.pending | DUE), evaluation.project)
        return project

    def _read(self, file: File) -> Sdist | None:
        with self._opened(self._owners[file.filename], file) as stream:
            return read_sdist(stream, file.filename)

    def _opened(self, name: str, file: File) -> BinaryIO:
        """Open a file of the mirror; download it first if it is missing. Raises MirrorError."""
        path = f"{name}/{file.filename}"
        if file.stored is not None and self._mirror.storage.size(path) == file.stored.size:
            return self._mirror.storage.open(path)
        return self._fetched(name, file, path)

    def _fetched(self, name: str, file: File, path: str) -> BinaryIO:
        """Download a file to a path of the mirror, and open it. Raises MirrorError."""
        self._state.mark((name,), BEGUN)
        self._state.commit()
        obtained = ensure_file(self._mirror, name, file)
        if obtained.file.stored is None:
            raise MirrorError(f"{file.filename}: {obtained.error}")
        return self._mirror.storage.open(path)


class PlannedCatalogue(StateCatalogue):
    """For ``plan``: downloads no file, so that the requirements of sdists that are not in the mirror are unknown."""

    def metadata(self, file: File) -> bytes | None:
        try:
            return super().metadata(file)
        except _NotFetched:
            return b""

    def sdist(self, file: File) -> Sdist | None:
        try:
            return super().sdist(file)
        except _NotFetched:
            return Sdist((), b"", ())

    def _fetched(self, name: str, file: File, path: str) -> BinaryIO:
        raise _NotFetched(f"{path}: not in the mirror yet")


class _NotFetched(MirrorError):
    """The file would have to be downloaded."""
