"""The first half of the work on one project: read its page and say what is to be done. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import Change, File, Project, RequiredReleases
from ..pins.pinned_releases import pinned_of
from ..selection import Selected
from ..state import records
from ..upstream.multi_index import serial_at
from . import external_links
from .freshness import is_unsettled

#: The name of the filter whose default z3c.pypimirror's users have without wheels.
_BY_NAME = "filename-matches"


class EvaluateTask(NamedTuple):
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
    #: Whether upstream's list has it, and whether this run has asked for its page before.
    listed: bool = False
    again: bool = False
    #: For an upstream without serials: a time in seconds since 1970; what is older is not looked at, or None.
    since: float | None = None
    #: Whether it may be taken from an index that comes after the one it was taken from before.
    give_over: bool = False
    #: Whether an absence counts though nothing confirms it.
    trust: bool = False


class Evaluation(NamedTuple):
    """What came out of it."""

    name: str
    change: Change
    #: None if upstream could not be asked and what is remembered stays as it is.
    project: bytes | None
    display: str = ""
    list_serial: str | None = None
    page_serial: str | None = None
    #: When the selection changes by itself, in seconds since 1970, or None.
    due: float | None = None
    #: What was left out of upstream's page because it was malformed or not to be trusted.
    problems: tuple[str, ...] = ()
    error: str | None = None
    #: Which pinned, named or own distributions can't be had, in words, or None.
    unmet: str | None = None
    #: Whether upstream's page was read.
    read: bool = False
    #: Whether upstream was asked and has no such project, and the status of its answer if it was asked by HTTP.
    absent: bool = False
    status: int | None = None
    #: How many files stay that upstream does not list, since they were adopted or are pinned.
    unlisted: int = 0
    #: How many files were judged without the upload time that a filter goes by.
    untimed: int = 0
    #: The list's serial, if the page is older than it promised; then the page is to be read again.
    promised: str | None = None
    #: Whether the whole list is to be read again by the next run, since it lacks the project and nothing else is known of it.
    relist: bool = False


def evaluate(mirror: IRunContext, task: EvaluateTask, emit: Callable[[Any], None]) -> Evaluation:
    """Look at one project."""
    from .page_reading import PageReading, promise, read  # not loaded where nothing changed

    old = records.decode(task.record) if task.record is not None else None
    if task.selected:
        mirror.selection.decide(task.name)  # a name filter that fails does so before upstream is asked
    promised = promise(task, old) if task.ask else None
    reading = PageReading(old or Project(task.name, listed=False))
    try:
        if task.ask:
            reading = read(mirror, task, old, lambda page: select_files(mirror, page).files)
        project = reading.project
        named = mirror.selection.named.get(task.name, "") if reading.absent else ""
        if task.display or named:
            project = project._replace(display=task.display or project.display or named)
        selected = select_files(mirror, project) if task.selected and reading.error is None else Selected()
    except MirrorError as error:
        kept = records.encode(old._replace(promised=promised)) if old is not None and promised else None
        return Evaluation(task.name, Change(task.name), kept, error=str(error), relist=kept is None and task.ask)
    unsettled = is_unsettled(project)
    if task.ask:
        project = project._replace(promised=promised or "" if unsettled else "")
    if reading.error is not None:
        return Evaluation(task.name, Change(task.name), records.encode(project), project.display, error=reading.error,
                          absent=reading.absent, status=reading.status)
    missing = not_found(mirror, reading.status) if named else None
    list_serial, page_serial, due = task.list_serial, serial_at(project.serial, project.upstream), selected.due
    if unsettled or external_links.is_restless(mirror, project):
        list_serial, due = None, 0.0
    return Evaluation(task.name, changes(old, project, selected, task.selected), records.encode(project), project.display,
                  list_serial, None if unsettled else page_serial, due, reading.problems,
                  unmet=unmet(mirror.needs, task.name, selected) or "; ".join(project.damaged) or missing,
                  read=reading.read, absent=reading.absent, status=reading.status,
                  promised=promised if reading.behind else None, untimed=_untimed(mirror, project, selected),
                  unlisted=sum(_stays_unlisted(mirror, project, file) for file in project.files),
                  relist=unsettled and not task.listed)


def _untimed(mirror: IRunContext, project: Project, selected: Selected) -> int:
    """Return how many files a filter judged without upload time; the site's own distributions are trusted without one."""
    return 0 if project.upstream and project.upstream == mirror.own.upstream else selected.untimed


def changes(old: Project | None, project: Project, selection: Selected, selected: bool) -> Change:
    """Say what is to be done about a project.

    selection: what is to be offered of it; selected: whether the configuration asks for it at all.
    """
    wanted = selection.files
    fetch = [file for file in wanted if not is_up_to_date(file)]
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
        remove_upstream=sum(not file.listed and not file.superseded for file in remove) if selected else 0,
        project_removed=before and not published,
        removed_upstream=selected and not project.listed,
        quarantined=project.quarantined,
        # A project without files that comes back has the same facts as before, and no page.
        rewrite=published and (old is None or not before or _told(old, old.published().files) != _told(project, wanted)),
        all_filtered=not wanted and bool(selection.left_out) and all(one.filter == _BY_NAME for one in selection.left_out),
    )


def select_files(mirror: IRunContext, project: Project, hold: bool = False) -> Selected:
    """Say which files of a project the mirror is to offer: what is selected of all that upstream offers, and of what stays
    though upstream took it away because it is pinned or was adopted.

    With ``cleanup`` off, or to hold removals back, files that are here and that upstream took away are offered on.
    Raises what reading metadata raises.
    """
    if project.quarantined:
        return Selected()
    keep = hold or not mirror.settings["cleanup"]
    offered = tuple(file for file in project.files if file.listed or file.adopted or (keep and file.stored is not None)
                    or _stays_unlisted(mirror, project, file))
    offered = tuple(file for file in offered if not file.superseded)
    offered = external_links.allowed(mirror, offered)
    return mirror.selection.select(
        project._replace(files=offered),
        lambda file: mirror.core_metadata(project.name, file))


def _stays_unlisted(mirror: IRunContext, project: Project, file: File) -> bool:
    """Whether a file that is here and that upstream does not list is adopted or pinned."""
    if file.listed or file.stored is None or file.superseded:
        return False
    if file.adopted:
        return True
    versions = mirror.needs.pinned.get(project.name, ())
    pinned = pinned_of(project.name, versions, mirror.needs.hashes)
    return bool(versions) and pinned.allows(parse(file.filename, project.name).version, file.content_hashes) is not False


def not_found(mirror: IRunContext, status: int | None) -> str:
    """Return what is to be said about an exact name that no upstream index has."""
    told = f" ({status})" if status is not None else ""
    return f"not found at {', '.join(mirror.upstreams)}{told}; check the name"


def unmet(needs: RequiredReleases, name: str, selected: Selected) -> str | None:
    """Return which pinned or required releases of a project are not to be had, and why; None if there are none."""
    pinned, required = needs.pinned.get(name, frozenset()), needs.followed.get(name, frozenset())
    told = []
    for why, versions in (("pinned", pinned), ("required", required - pinned)):
        missing = [f"{one.version} ({'; '.join(one.reasons) or 'upstream offers no file of it'})"
                   for one in selected.unmet if one.version in versions]
        if missing:
            told.append(f"{why}, but not to be had: {', '.join(missing)}")
    return "; ".join(told) or None


def is_published(project: Project, files: Iterable[File], selected: bool) -> bool:
    """Whether a project has a page: one that upstream has, even without files, and one of which files are left."""
    return selected and (project.listed or any(True for _ in files))


def is_up_to_date(file: File) -> bool:
    """Whether what the mirror has of a file is what upstream offers."""
    if file.stored is None or file.stored.foreign:
        return False
    if file.validator is not None and file.validator != file.stored.validator:
        return False
    if file.hashes.get("sha256", file.stored.sha256) != file.stored.sha256:
        return False
    return "sha256" in file.hashes or file.size is None or file.size == file.stored.size


def _told(project: Project, files: Iterable[File]) -> tuple[Any, ...]:
    """Give what a page tells, for comparison."""
    shown = [file._replace(url=file.url if file.external else "", listed=True, validator=None, seen=None,
                           stored=file.stored._replace(published=True)) for file in files if file.stored is not None]
    return project._replace(files=(), serial=None, etag=None, listed=True, pages=(), damaged=(), upstream="", form="",
                            doubt="", promised=""), shown
