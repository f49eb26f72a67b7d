"""The last step of the work on one project: files that no page links to go to the trash.

What goes is decided here and now, from the record, which says what the last written page shows, and from the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..events import FileRemoved
from ..interfaces import IRunContext
from ..model import Project
from ..names import distribution, is_distribution
from ..state import records


class SweepTask(NamedTuple):
    """One published project."""

    name: str
    record: bytes
    #: Whether it has no page any more, so that nothing of it stays.
    whole: bool = False


class SweepResult(NamedTuple):
    """Result of ``sweep``."""

    name: str
    record: bytes
    #: Whether nothing of the project is left.
    whole: bool = False


def sweep(mirror: IRunContext, task: SweepTask, emit: Callable[[Any], None]) -> SweepResult:
    """Move the files that no page links to into the trash. Where the project has no page any more, its pages go first."""
    project = records.decode(task.record)
    if task.whole:
        project = project._replace(files=tuple(
            file if file.stored is None else file._replace(stored=file.stored._replace(published=False))
            for file in project.files))
        for path in project.pages:
            mirror.storage.remove(path)
        mirror.storage.flush()
        project = project._replace(pages=())
    facts = {file.filename: file for file in project.files}
    for filename in unlinked(project, mirror.storage.listdir(task.name), mirror.storage.case_insensitive):
        mirror.trash.put(task.name, filename, facts.get(filename))
        emit(FileRemoved(task.name, filename))
    files = (file if file.stored is None or file.stored.published else file._replace(stored=None) for file in project.files)
    kept = tuple(file for file in files if file.listed or file.stored or file.adopted)
    return SweepResult(task.name, records.encode(project._replace(files=kept)), task.whole)


def unlinked(project: Project, names: Iterable[str], case_insensitive: bool = False) -> list[str]:
    """Return the distributions and sidecar files in a project's folder that its pages don't link to.

    A sidecar file of a distribution that goes is not named: it goes with it.
    """
    def key(name: str) -> str:
        return name.lower() if case_insensitive else name

    here = [name for name in names if is_distribution(distribution(name))]
    linked: set[str] = set()
    for file in project.published().files:
        assert file.stored is not None
        linked.update(key(file.filename + suffix) for suffix in ("", *file.stored.beside()))
    gone = {name for name in here if name == distribution(name) and key(name) not in linked}
    alone = {name for name in here if name != distribution(name) and key(name) not in linked and distribution(name) not in gone}
    return sorted(gone | alone)
