"""What upstream offers, as the resolver of requirements asks for it: from the state where it is known, else from upstream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import MirrorError
from ..interfaces import IMirror
from ..model import File, Project
from ..pins.build import Sdist, read_sdist
from ..state import records
from ..state.database import BEGUN, DUE, Row, State
from .look import LookTask, look
from .obtain import obtain


class Catalogue:
    """Projects, core metadata and sdists (``pypimirror.pins.resolve.Catalogue``).

    What it asks upstream for is put where it belongs at once, so that nothing is fetched twice; what turns out not to be needed
    goes again with the same run.
    """

    def __init__(self, mirror: IMirror, state: State, build_requirements: bool):
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
        return self._mirror.core_metadata(self._owners[file.filename], file)

    def sdist(self, file: File) -> Sdist | None:
        if file.filename not in self._sdists:
            self._sdists[file.filename] = self._read(file)
        found = self._sdists[file.filename]
        return found if self._build_requirements or found is None else found._replace(build_requires=())

    def _project(self, name: str) -> Project:
        if name not in self._projects:
            record = self._state.record(name)
            self._projects[name] = records.decode(record) if record is not None else self._asked(name)
        return self._projects[name]

    def _asked(self, name: str) -> Project:
        looked = look(self._mirror, LookTask(name, force=True), lambda event: None)
        if looked.project is None or looked.error is not None:
            raise MirrorError(f"{name}: {looked.error}")
        project = records.decode(looked.project)
        if project.listed:
            row = Row(name, looked.display, None, looked.page_serial, DUE, 0, 0, 0, 0, due=looked.due)
            self._state.begin()
            self._state.save(row, looked.project)
        return project

    def _read(self, file: File) -> Sdist | None:
        name = self._owners[file.filename]
        self._state.mark((name,), BEGUN)
        self._state.commit()
        obtained = obtain(self._mirror, name, file)
        if obtained.file.stored is None:
            raise MirrorError(f"{file.filename}: {obtained.error}")
        with self._mirror.storage.open(f"{name}/{file.filename}") as stream:
            return read_sdist(stream, file.filename)
