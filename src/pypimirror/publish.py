"""The second half of the work on one project: get what is missing, then write its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .events import FileStored, Problem, ProjectPublished
from .interfaces import IMirror
from .look import is_published, wanted_files
from .model import File, Project, Stored
from .names import is_distribution
from .obtain import Obtained, obtain
from .state import records


class PublishTask(NamedTuple):
    """One project to be published."""

    name: str
    record: bytes
    #: Our serial of its pages, 0 if there are none, and that of this run.
    serial: int
    run: int
    selected: bool = True
    #: Whether its folder must be looked at, because an earlier run was cut off while it worked there.
    scan: bool = False
    #: Whether nothing may be fetched.
    offline: bool = False


class Published(NamedTuple):
    """What came out of it."""

    name: str
    record: bytes
    #: Our serial of its pages, 0 if it is not in the index.
    serial: int
    #: Whether pages changed.
    written: bool
    files: int = 0
    bytes: int = 0
    yanked: int = 0
    #: Names of files that no page names any more.
    leaving: tuple[str, ...] = ()
    error: str | None = None


def publish(mirror: IMirror, task: PublishTask, emit: Callable[[Any], None]) -> Published:
    """Publish one project."""
    project = records.decode(task.record)
    if task.scan:
        project = scanned(mirror, project)
    wanted = wanted_files(mirror, project) if task.selected else ()
    outcomes = mirror.crew.each(lambda file: _obtained(mirror, task, file, emit), wanted)
    files = tuple(outcome.file for outcome in outcomes if outcome.file.stored is not None)
    here = {outcome.file.filename: outcome.file for outcome in outcomes}
    project = project._replace(files=tuple(here.get(file.filename, file) for file in project.files))
    serial, written = 0, False
    if is_published(project, files, task.selected):
        serial, written = write_pages(mirror, project._replace(files=files), task.serial, task.run)
        emit(ProjectPublished(task.name, written))
    shown = {file.filename for file in files}
    return Published(
        task.name, records.encode(project), serial, written,
        files=len(files),
        bytes=sum(file.stored.size for file in files if file.stored is not None),
        yanked=sum(file.yanked is not False for file in files),
        leaving=tuple(f.filename for f in project.files if f.stored is not None and f.filename not in shown),
        error=next((outcome.error for outcome in outcomes if outcome.error), None),
    )


def _obtained(mirror: IMirror, task: PublishTask, file: File, emit: Callable[[Any], None]) -> Obtained:
    outcome = obtain(mirror, task.name, file, task.offline)
    if outcome.error is not None:
        emit(Problem(task.name, outcome.error, outcome.how))
    elif outcome.file.stored is not None:
        emit(FileStored(task.name, file.filename, outcome.file.stored.size, outcome.how))
    return outcome


def write_pages(mirror: IMirror, project: Project, serial: int, run: int) -> tuple[int, bool]:
    """Write a project's pages where they differ from what lies there.

    project: its files those to be shown. serial: our serial of the pages that lie there, 0 if unknown; run: that of this run.
    Returns the serial of the pages as they are now, and whether anything was written.
    """
    writers = [writer for writer in mirror.writers if writer.page is not None]
    present = {writer: mirror.storage.read(f"{project.name}/{writer.page}") for writer in writers}
    known = serial or max((writer.serial(page) or 0 for writer, page in present.items() if page is not None), default=0)
    if known and all(writer.project(project, known) == page for writer, page in present.items()):
        return known, False
    for writer in writers:
        mirror.storage.write(f"{project.name}/{writer.page}", (writer.project(project, run),))
    return run, True


def scanned(mirror: IMirror, project: Project) -> Project:
    """Give the project together with all distributions that lie in its folder, hashed where nothing is known of them."""
    known = {file.filename: file for file in project.files}
    for name in mirror.storage.names(project.name):
        if is_distribution(name) and (name not in known or known[name].stored is None):
            path = f"{project.name}/{name}"
            stored = Stored(mirror.storage.digest(path) or "", mirror.storage.size(path) or 0)
            known[name] = known.get(name, File(name, "", listed=False))._replace(stored=stored)
    kept = (file for file in known.values() if file.listed or file.stored is not None)
    return project._replace(files=tuple(sorted(kept, key=lambda file: file.filename)))
