"""Last step of the work on a project: move files that no page links to into the trash.

The decision is made from the folder and from the record, which has the files on the last written pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..advisories import policy
from ..advisory import Advisory
from ..events import FileRemoved
from ..interfaces import IRunContext, ISettings
from ..metadata.filenames import parse
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
    """Move the files that no page links to into the trash. If the project is no longer published, remove its pages first."""
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
        mirror.trash.put(task.name, filename, facts.get(filename), dangerous(mirror.settings, project, filename))
        emit(FileRemoved(task.name, filename))
    files = (file if file.stored is None or file.stored.published else file._replace(stored=None) for file in project.files)
    kept = tuple(file for file in files if file.listed or file.stored or file.adopted)
    return SweepResult(task.name, records.encode(project._replace(files=kept)), task.whole)


def dangerous(settings: ISettings, project: Project, filename: str) -> tuple[Advisory, ...]:
    """Return the advisories that call the release of a file malicious."""
    if not any(each.is_malicious for each in project.advisories):
        return ()
    return policy.match_malicious(settings, project).of_version(parse(distribution(filename), project.name).version)


def unlinked(project: Project, names: Iterable[str], case_insensitive: bool = False) -> list[str]:
    """Return the distributions and sidecar files in a project's folder that its pages don't link to.

    Sidecar files of returned distributions are left out: they are moved along.
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
