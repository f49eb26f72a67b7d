"""What upstream offers, as the resolver of requirements asks for it: from the state where it is known, else from upstream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..metadata.archives import wheel_metadata
from ..model import File, Project
from ..pins.sdist import Sdist, read_sdist
from ..state import records
from ..state.database import BEGUN, DUE, Row, State
from .ensure_file import ensure_file
from .evaluate import EvaluateTask, evaluate


class StateCatalogue:
    """Projects, core metadata and sdists (``pypimirror.pins.dependencies.ReleaseSource``).

    What it asks upstream for is put where it belongs at once, so that nothing is fetched twice; what turns out not to be needed
    goes again with the same run.
    """

    def __init__(self, mirror: IRunContext, state: State, build_requirements: bool):
        self._mirror, self._state = mirror, state
        self._build_requirements = build_requirements
        self._projects: dict[str, Project] = {}
        #: By file name: the project's normalised name.
        self._owners: dict[str, str] = {}
        self._sdists: dict[str, Sdist | None] = {}

    def releases(self, name: str) -> Sequence[File]:
        if not self._mirror.selection.allowed(name):
            return ()
        project = self._project(name)
        offered = () if project.quarantined else tuple(file for file in project.files if file.listed or file.stored)
        files: Sequence[File] = self._mirror.selection.mirrorable(project._replace(files=offered))
        self.own(name, files)
        return files

    def own(self, name: str, files: Iterable[File]) -> None:
        """Take note of which project files belong to; needed before anything is asked about them."""
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
            # Runs keep up to date what is selected, and nothing else that happens to be known.
            current = record is not None and self._mirror.selection.wanted(name)
            self._projects[name] = records.decode(record) if record is not None and current else self._asked(name, record)
        return self._projects[name]

    def _asked(self, name: str, record: bytes | None) -> Project:
        looked = evaluate(self._mirror, EvaluateTask(name, record, force=record is None), lambda event: None)
        if looked.project is None or looked.error is not None:
            raise MirrorError(f"{name}: {looked.error}")
        project = records.decode(looked.project)
        if project.listed:
            row = self._state.row(name) or Row(name, looked.display, None, None, DUE, 0, 0, 0, 0)
            self._state.begin()
            self._state.save(row._replace(display=looked.display, page_serial=looked.page_serial, due=looked.due,
                                          pending=row.pending | DUE), looked.project)
        return project

    def _read(self, file: File) -> Sdist | None:
        with self._opened(self._owners[file.filename], file) as stream:
            return read_sdist(stream, file.filename)

    def _opened(self, name: str, file: File) -> BinaryIO:
        """Open a file in its place in the mirror; it is fetched if it is not there. Raises MirrorError."""
        path = f"{name}/{file.filename}"
        if file.stored is not None and self._mirror.storage.size(path) == file.stored.size:
            return self._mirror.storage.open(path)
        self._state.mark((name,), BEGUN)
        self._state.commit()
        obtained = ensure_file(self._mirror, name, file)
        if obtained.file.stored is None:
            raise MirrorError(f"{file.filename}: {obtained.error}")
        return self._mirror.storage.open(path)
