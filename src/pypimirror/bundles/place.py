"""The step of an import that works on one project: moves its new files into place, then writes its pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from ..events import FileStored
from ..interfaces import IRunContext
from ..model import File, Project
from ..selected import Selected
from ..state import records
from ..sync.packed_selection import pack
from ..sync.publish import PublishResult, PublishTask, publish
from . import shipped
from .incoming import Incoming


class PlaceTask(NamedTuple):
    """One project of a bundle."""

    name: str
    #: Its record here, or None.
    before: bytes | None
    #: The serial of its pages here, 0 without pages, and in the bundle.
    serial: int
    new_serial: int
    bundle: str
    #: Whether removals are held back.
    hold: bool = False
    #: As in PublishTask.
    sections: tuple[str, ...] = ()


class PlaceResult(NamedTuple):
    """Result of ``place``."""

    name: str
    published: PublishResult
    #: The paths of its files that are in neither the bundle nor the mirror.
    missing: tuple[str, ...] = ()
    #: Whether a file waits until the present one of the same name is swept.
    waits: bool = False


def place(mirror: IRunContext, task: PlaceTask, emit: Callable[[Any], None]) -> PlaceResult:
    """Publish one project of a bundle. A file that pages here link to is never overwritten: it has to be swept first."""
    with mirror.storage.keep_open(task.name):
        incoming = Incoming(mirror.storage, task.bundle)
        project = shipped.load(task.name, incoming.record(task.name))
        old = records.decode(task.before) if task.before is not None else Project(task.name)
        here = {file.filename: file for file in old.files}
        moved: set[str] = set()
        files = [_place_file(mirror, incoming, task.name, file, here.get(file.filename), moved) for file in project.files]
        names = {file.filename for file in files}
        # Others stay in the record until they are swept, so that the trash has their facts.
        others = tuple(file._replace(listed=False, adopted=False) for file in old.files if file.filename not in names)
        merged = project._replace(files=tuple(sorted((*files, *others))), pages=old.pages)
        selected = Selected(tuple(file for file in merged.files if file.filename in names))
        same = task.serial if task.serial == task.new_serial else 0
        published = publish(mirror, PublishTask(
            task.name, records.encode(merged), same, task.new_serial, offline=True, hold="all" if task.hold else "",
            sections=task.sections, selection=pack(selected, merged)), lambda event: emit(_as_imported(event, moved)))
        return PlaceResult(task.name, published._replace(again=False), tuple(_missing_paths(mirror, task.name, files)),
                           any(_is_waiting(file) for file in files))


def _as_imported(event: Any, moved: Collection[str]) -> Any:
    """Return the event about a file that came with the bundle as such."""
    return event._replace(how="imported") if isinstance(event, FileStored) and event.filename in moved else event


def _place_file(mirror: IRunContext, incoming: Incoming, name: str, file: File, old: File | None, moved: set[str]) -> File:
    """Move a file of the bundle and its sidecars into place; return it with what is here of it. moved: gets its name."""
    assert file.stored is not None
    path = f"{name}/{file.filename}"
    present = old.stored if old is not None else None
    if present is not None and present.sha256 != file.stored.sha256 and mirror.storage.size(path) is not None:
        return file._replace(stored=present)  # it waits until the present one is swept
    if incoming.has(path):
        incoming.place(path)
        moved.add(file.filename)
    for suffix in file.stored.beside():
        if incoming.has(path + suffix):
            incoming.place(path + suffix)
    return file if mirror.storage.size(path) == file.stored.size else file._replace(stored=None)


def _is_waiting(file: File) -> bool:
    """Return whether another file of the same name has to be swept first."""
    return file.stored is not None and file.stored.sha256 != file.hashes["sha256"]


def _missing_paths(mirror: IRunContext, name: str, files: Collection[File]) -> Iterator[str]:
    """Yield the paths of the files and sidecars of a project that are not in the mirror."""
    for file in files:
        if file.stored is None:
            yield f"{name}/{file.filename}"
        else:
            yield from (path for suffix in file.stored.beside()
                        if mirror.storage.size(path := f"{name}/{file.filename}{suffix}") is None)
