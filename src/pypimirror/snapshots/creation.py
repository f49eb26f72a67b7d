"""Creates a snapshot of the published index."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from ..advisories.policy import marked
from ..errors import ConfigurationError, MirrorError, StorageError
from ..filters.age import UploadedBefore
from ..index.html import HtmlIndex
from ..index.json import JsonIndex
from ..interfaces import IRunContext, ISettings
from ..model import Entry, Project
from ..state import records
from ..state.database import State
from ..state.meta_keys import SERIAL
from ..storage.failures import storage_errors
from ..sync.unfinished import unfinished
from .model import DESCRIPTION, INDEX, Snapshot, check_name, folder
from .tree import SnapshotTree, link, make_folder, now, sidecars, write_file


def create(mirror: IRunContext, state: State, name: str, at: str = "") -> Snapshot:
    """Create a snapshot of what the mirror publishes; return its description. The caller holds the lock.

    state: open to read. at: only files that were uploaded before this moment, as in ``uploaded_before``; empty for all.
    Raises ConfigurationError if the name is taken, StorageError.
    """
    settings = mirror.settings
    tree = SnapshotTree(settings)
    if tree.exists(check_name(name)):
        raise ConfigurationError(f"there is already a snapshot {name!r}; delete it first, or use another name")
    interrupted = next(unfinished(mirror, state), None)
    if interrupted is not None:
        raise MirrorError(f"the last run did not finish {interrupted}; run sync first")
    made = tree.temporary(name)
    writing = _Writing(tree, settings, made, name, at)
    with storage_errors(made):
        make_folder(os.path.join(made, INDEX))
        for project, serial in _published(settings, state):
            writing.add(project, serial)
        found = Snapshot(name, now(), at, int(state.fact(SERIAL) or 0), len(writing.entries), writing.files, writing.size)
        writing.finish(found)
    tree.install(made, name)
    return found


def _published(settings: ISettings, state: State) -> Iterator[tuple[Project, int]]:
    """Yield the published projects, as their pages show them, with the serials of these."""
    for entry in state.entries():
        record = state.record(entry.name)
        if record is None:
            raise StorageError(f"{entry.name}: its record is missing; run sync first")
        project = marked(settings, records.decode(record).published())
        yield project._replace(display=project.display or entry.display), entry.serial


class _Writing:
    """Writes the folder of a new snapshot."""

    def __init__(self, tree: SnapshotTree, settings: ISettings, made: str, name: str, at: str):
        self._tree, self._index = tree, os.path.join(made, INDEX)
        self._description = os.path.join(made, DESCRIPTION)
        self._filter = UploadedBefore({"uploaded_before": at or None})  # type: ignore[arg-type]
        base = settings["base_url"]
        own: Mapping[str, Any] = {"legacy_names": settings["legacy_names"], "index_formats": ("html", "json"),
                                  "base_url": f"{base}/{folder(name)}/{INDEX}" if base else None}
        self._writers = (HtmlIndex(own), JsonIndex(own))  # type: ignore[arg-type]
        self.entries: list[Entry] = []
        self.files = self.size = 0

    def add(self, project: Project, serial: int) -> None:
        """Link the files of a project, and write its pages. A project without files of that time is left out."""
        shown = project._replace(files=tuple(self._filter.select(project)))
        if project.files and not shown.files:
            return
        make_folder(os.path.join(self._index, project.name))
        for file in shown.files:
            self._link(project.name, file.filename, 0 if file.stored is None else file.stored.size)
        for writer in self._writers:
            for path, page in writer.pages(shown, serial):
                place = os.path.join(self._index, path)
                make_folder(os.path.dirname(place))
                write_file(place, (page,))
        self.entries.append(Entry(project.name, project.display or project.name, serial, len(shown.files)))

    def _link(self, name: str, filename: str, size: int) -> None:
        source, target = self._tree.path(name, filename), os.path.join(self._index, name, filename)
        try:
            link(source, target)
        except FileNotFoundError:
            raise StorageError(f"{name}/{filename}: missing; run verify --repair first") from None
        for suffix in sidecars(source):
            link(source + suffix, target + suffix)
        found = os.path.getsize(target)
        if found != size:
            raise StorageError(f"{name}/{filename}: has {found} bytes, expected {size}; run verify --repair first")
        self.files += 1
        self.size += size

    def finish(self, snapshot: Snapshot) -> None:
        """Write the pages of all projects and the description."""
        for writer in self._writers:
            write_file(os.path.join(self._index, writer.root), writer.projects(self.entries, snapshot.serial))
        write_file(self._description, (snapshot.encode(),))
