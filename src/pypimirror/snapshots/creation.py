"""Creates a snapshot of the published index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from ..advisories.policy import mark_vulnerable
from ..errors import ConfigurationError, MirrorError, StorageError
from ..filters.age import UploadedBefore
from ..index.html import HtmlIndex
from ..index.json import JsonIndex
from ..interfaces import IRunContext, ISettings
from ..model import Entry, Project
from ..state import records
from ..state.database import State
from ..state.meta_keys import SERIAL
from ..sync.project_pages import unfinished
from .model import INDEX, Snapshot, check_name, folder, now
from .places import FileCopy, Snapshots, SnapshotWriter


def create(snapshots: Snapshots, mirror: IRunContext, state: State, name: str, at: str = "") -> Snapshot:
    """Create a snapshot of what the mirror publishes; return its description. The caller holds the lock.

    state: open to read. at: only files that were uploaded before this moment, as in ``uploaded_before``; empty for all.
    Raises ConfigurationError if the name is taken, StorageError.
    """
    if snapshots.exists(check_name(name)):
        raise ConfigurationError(f"there is already a snapshot {name!r}; delete it first, or use another name")
    interrupted = next(unfinished(mirror, state), None)
    if interrupted is not None:
        raise MirrorError(f"the last run did not finish {interrupted}; run sync first")
    with closing(snapshots.writing(name)) as writer:
        index = _Index(writer, mirror.settings, name, at)
        for project, serial in _published_projects(mirror.settings, state):
            index.add(project, serial)
        return index.finish(name, at, int(state.fact(SERIAL) or 0))


def _published_projects(settings: ISettings, state: State) -> Iterator[tuple[Project, int]]:
    """Yield the published projects, as their pages show them, with the serials of these."""
    for entry in state.entries():
        record = state.record(entry.name)
        if record is None:
            raise StorageError(f"{entry.name}: its record is missing; run sync first")
        project = mark_vulnerable(settings, records.decode(record).published())
        yield project._replace(display=project.display or entry.display), entry.serial


class _Index:
    """The index of a new snapshot."""

    def __init__(self, writer: SnapshotWriter, settings: ISettings, name: str, at: str):
        self._writer = writer
        self._filter = UploadedBefore({"uploaded_before": at or None})  # type: ignore[arg-type]
        base = settings["base_url"]
        own: Mapping[str, Any] = {"legacy_names": settings["legacy_names"], "index_formats": ("html", "json"),
                                  "base_url": f"{base}/{folder(name)}/{INDEX}" if base else None}
        self._formats = (HtmlIndex(own), JsonIndex(own))  # type: ignore[arg-type]
        self._entries: list[Entry] = []
        self._files = self._size = 0

    def add(self, project: Project, serial: int) -> None:
        """Add a project with its files; one without files of that time is left out."""
        shown = project._replace(files=tuple(self._filter.select(project)))
        if project.files and not shown.files:
            return
        files = [FileCopy(file.filename, file.stored.size, tuple(file.stored.beside()))
                 for file in shown.files if file.stored is not None]
        self._writer.project(project.name, files, (page for one in self._formats for page in one.pages(shown, serial)))
        self._files += len(files)
        self._size += sum(file.size for file in files)
        self._entries.append(Entry(project.name, project.display or project.name, serial, len(files)))

    def finish(self, name: str, at: str, serial: int) -> Snapshot:
        """Add the pages of all projects and the description, which is returned."""
        found = Snapshot(name, now(), at, serial, len(self._entries), self._files, self._size)
        self._writer.finish(((one.root, one.projects(self._entries, serial)) for one in self._formats), found)
        return found
