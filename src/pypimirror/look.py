"""The first half of the work on one project: read its page and say what is to be done. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .errors import Absent, MirrorError
from .interfaces import IMirror
from .model import Change, File, Project
from .state import records


class LookTask(NamedTuple):
    """One project to be looked at."""

    name: str
    #: What is remembered of it, if anything.
    record: bytes | None = None
    #: As the list of all names has it.
    display: str = ""
    list_serial: str | None = None
    #: Whether the configuration asks for it.
    selected: bool = True
    #: Whether upstream is to be asked, and whether even if it says that nothing changed.
    ask: bool = True
    force: bool = False


class Looked(NamedTuple):
    """What came out of it."""

    name: str
    change: Change
    #: None if upstream could not be asked: then what is remembered stays.
    project: bytes | None
    display: str = ""
    list_serial: str | None = None
    page_serial: str | None = None
    #: What was left out of upstream's page because it was malformed or not to be trusted.
    problems: tuple[str, ...] = ()
    error: str | None = None


def look(mirror: IMirror, task: LookTask, emit: Callable[[Any], None]) -> Looked:
    """Look at one project."""
    old = records.decode(task.record) if task.record else None
    problems: tuple[str, ...] = ()
    project = old or Project(task.name, listed=False)
    if task.ask:
        etag = old.etag if old is not None and not task.force else None
        try:
            page, problems = mirror.source.project(task.name, etag)
            project = merged(old, page) if page is not None else project
        except Absent:
            project = merged(old, Project(task.name, listed=False))
        except MirrorError as error:
            return Looked(task.name, Change(task.name), None, error=str(error))
    if task.display:
        project = project._replace(display=task.display)
    page_serial = None if project.serial is None else str(project.serial)
    return Looked(task.name, changes(mirror, old, project, task.selected), records.encode(project), project.display,
                  None if behind(page_serial, task.list_serial) else task.list_serial, page_serial, problems)


def merged(old: Project | None, page: Project) -> Project:
    """Give upstream's page together with what the mirror has: files that are here stay, marked as no longer listed."""
    here = {file.filename: file for file in (old.files if old else ()) if file.stored is not None}
    files = [file._replace(stored=here.pop(file.filename).stored) if file.filename in here else file for file in page.files]
    files.extend(file._replace(listed=False) for file in here.values())
    if old is not None:
        page = page._replace(display=page.display or old.display, pages=old.pages)
    return page._replace(files=tuple(sorted(files, key=lambda file: file.filename)))


def behind(page: str | None, listed: str | None) -> bool:
    """Whether a page is older than the list's serial promised, as happens where pages are cached: it is to be read again."""
    if page is None or listed is None or not (page.isdecimal() and listed.isdecimal()):
        return False
    return int(page) < int(listed)


def changes(mirror: IMirror, old: Project | None, project: Project, selected: bool) -> Change:
    """Say what is to be done about a project."""
    wanted = wanted_files(mirror, project) if selected else ()
    fetch = [file for file in wanted if not current(file)]
    names = {file.filename for file in wanted}
    remove = [file for file in project.files if file.stored is not None and file.filename not in names]
    published = is_published(project, wanted, selected)
    before = old is not None and is_published(old, [f for f in old.files if f.stored is not None], True)
    return Change(
        project.name,
        fetch=len(fetch),
        fetch_bytes=sum(file.size or 0 for file in fetch),
        unsized=sum(file.size is None for file in fetch),
        remove=len(remove),
        remove_upstream=sum(not file.listed for file in remove) if selected else 0,
        vanish=before and not published,
        rewrite=published and (old is None or _told(old, old.files) != _told(project, wanted)),
    )


def wanted_files(mirror: IMirror, project: Project) -> tuple[File, ...]:
    """Give the files of a project that the mirror is to offer: of those that upstream offers the ones that are selected."""
    if project.quarantined:
        return ()
    offered = project._replace(files=tuple(file for file in project.files if file.listed))
    return mirror.selection.select(offered).files


def is_published(project: Project, files: Iterable[File], selected: bool) -> bool:
    """Whether a project has a page: one that upstream has, even without files, and one of which files are left."""
    return selected and (project.listed or any(True for _ in files))


def current(file: File) -> bool:
    """Whether what the mirror has of a file is what upstream offers."""
    if file.stored is None:
        return False
    if file.hashes.get("sha256", file.stored.sha256) != file.stored.sha256:
        return False
    return "sha256" in file.hashes or file.size is None or file.size == file.stored.size


def _told(project: Project, files: Iterable[File]) -> tuple[Any, ...]:
    """Give what a page tells, for comparison."""
    shown = [file._replace(url="", listed=True) for file in files if file.stored is not None]
    return project._replace(files=(), serial=None, etag=None, listed=True, pages=()), shown
