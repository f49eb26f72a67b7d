"""The first half of the work on one project: read its page and say what is to be done. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..distributions import parse, release
from ..errors import Absent, GivenOver, MirrorError
from ..filters.age import uploaded
from ..interfaces import IMirror
from ..model import Change, File, Needs, Project
from ..selection import Selected
from ..source.precedence import is_given_over, serial_at
from ..state import records
from . import outside

#: The name of the filter whose default z3c.pypimirror's users have without wheels.
_BY_NAME = "filename-matches"


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
    #: For an upstream without serials: a time in seconds since 1970; what is older is not looked at, or None.
    since: float | None = None
    #: Whether it may be taken from an index that comes after the one it was taken from before.
    give_over: bool = False


class Looked(NamedTuple):
    """What came out of it."""

    name: str
    change: Change
    #: None if upstream could not be asked: then what is remembered stays.
    project: bytes | None
    display: str = ""
    list_serial: str | None = None
    page_serial: str | None = None
    #: When the selection changes by itself, in seconds since 1970, or None.
    due: float | None = None
    #: What was left out of upstream's page because it was malformed or not to be trusted.
    problems: tuple[str, ...] = ()
    error: str | None = None
    #: What is pinned or the site's own and not to be had, in words, or None.
    unmet: str | None = None
    #: Whether upstream's page was read.
    read: bool = False
    #: Whether upstream was asked and has no such project.
    absent: bool = False
    #: How many files stay that upstream does not list, since they were adopted or are pinned.
    unlisted: int = 0
    #: The list's serial, if the page is older than it promised; then the page is to be read again.
    promised: str | None = None


def look(mirror: IMirror, task: LookTask, emit: Callable[[Any], None]) -> Looked:
    """Look at one project."""
    old = records.decode(task.record) if task.record is not None else None
    problems: tuple[str, ...] = ()
    page: Project | None = None
    absent = False
    project = old or Project(task.name, listed=False)
    if task.selected:
        mirror.selection.decide(task.name)  # a name filter that fails does so before upstream is asked
    if task.ask:
        etag = old.etag if old is not None and not task.force and not outside.is_followed(mirror) else None
        since = task.since if old is not None and old.serial is None and not task.force else None
        try:
            page, problems = mirror.source.project(task.name, etag, since)
            if page is not None:
                if old is not None and not task.give_over:
                    _make_sure_of_upstream(mirror, old, page)
                if page.upstream == mirror.own.upstream:
                    page, problems = page._replace(damaged=problems), ()
                page, more = outside.joined(mirror, page, old, lambda page: chosen(mirror, page).files)
                problems += more
                project = merged(old, recent(page, old, since) if since is not None and page.serial is None else page,
                                 _is_superseded(mirror, old, page))
        except Absent:
            project, absent = merged(old, Project(task.name, listed=False)), True
        except MirrorError as error:
            return Looked(task.name, Change(task.name), None, error=str(error))
    if task.display:
        project = project._replace(display=task.display)
    page_serial = serial_at(project.serial, project.upstream)
    try:
        selected = chosen(mirror, project) if task.selected else Selected()
    except MirrorError as error:
        return Looked(task.name, Change(task.name), None, error=str(error))
    promised = task.list_serial if behind(page_serial, task.list_serial) else None
    list_serial, due = task.list_serial, selected.due
    if promised is not None or outside.is_restless(mirror, project):
        list_serial, due = None, 0.0
    return Looked(task.name, changes(old, project, selected, task.selected), records.encode(project), project.display,
                  list_serial, page_serial, due, problems,
                  unmet=unmet(mirror.needs, task.name, selected) or "; ".join(project.damaged) or None,
                  read=page is not None, absent=absent, promised=promised,
                  unlisted=sum(_stays_unlisted(mirror, project, file) for file in project.files))


def _make_sure_of_upstream(mirror: IMirror, old: Project, page: Project) -> None:
    """Raise GivenOver if an index that counts first has lost a project, which another one would then stand in for."""
    if is_given_over(mirror.upstreams, old.upstream, page.upstream):
        raise GivenOver(f"{old.upstream} does not have it any more, and {page.upstream} has a project of that name: what is "
                        f"here stays; if both are the same, it is taken from there with: sync {old.name}")


def _is_superseded(mirror: IMirror, old: Project | None, page: Project) -> bool:
    """Whether a project is now taken from another index although the one that it was taken from before is still in use."""
    return (old is not None and old.upstream != page.upstream
            and old.upstream in (*mirror.upstreams, *filter(None, (mirror.own.upstream,))))


def merged(old: Project | None, page: Project, superseded: bool = False) -> Project:
    """Give upstream's page together with what the mirror has: files that are here stay, marked as no longer listed.

    superseded: whether they are from another index than the page, and do not stay for that reason.
    """
    here = {file.filename: file for file in (old.files if old else ()) if file.stored is not None or file.adopted}
    if old is not None and old.upstream and page.upstream not in ("", old.upstream):
        # Without its hash nothing tells whether another index means the same by a name.
        unclear = {file.filename for file in page.files if "sha256" not in file.hashes}
        here = {name: file._replace(stored=None) if name in unclear else file for name, file in here.items()}
    files = [file._replace(stored=here.pop(file.filename).stored) if file.filename in here else file for file in page.files]
    files.extend(file._replace(listed=False, superseded=not file.adopted and (superseded or file.superseded))
                 for file in here.values())
    if old is not None:
        page = page._replace(display=page.display or old.display, pages=old.pages, upstream=page.upstream or old.upstream)
    return page._replace(files=tuple(sorted(files, key=lambda file: file.filename)), url="", links=())


def recent(page: Project, old: Project | None, since: float) -> Project:
    """Give a page without the files that were uploaded before a time and are not here; one of another index is given whole."""
    if old is not None and old.upstream != page.upstream:
        return page
    here = {file.filename for file in (old.files if old else ()) if file.stored is not None}
    return page._replace(files=tuple(
        file for file in page.files if file.filename in here or (when := uploaded(file)) is None or when >= since))


def behind(page: str | None, listed: str | None) -> bool:
    """Whether a page is older than the list's serial promised, as happens where pages are cached: it is to be read again."""
    of_page, _, upstream = (page or "").partition("@")
    of_list, _, whose = (listed or "").partition("@")
    if upstream != whose or not (of_page.isdecimal() and of_list.isdecimal()):
        return False
    return int(of_page) < int(of_list)


def changes(old: Project | None, project: Project, selection: Selected, selected: bool) -> Change:
    """Say what is to be done about a project.

    selection: what is to be offered of it; selected: whether the configuration asks for it at all.
    """
    wanted = selection.files
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
        remove_upstream=sum(not file.listed and not file.superseded for file in remove) if selected else 0,
        vanish=before and not published,
        gone=selected and not project.listed,
        quarantined=project.quarantined,
        rewrite=published and (old is None or _told(old, old.files) != _told(project, wanted)),
        barren=not wanted and bool(selection.left_out) and all(one.filter == _BY_NAME for one in selection.left_out),
    )


def chosen(mirror: IMirror, project: Project, hold: bool = False) -> Selected:
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
    offered = outside.allowed(mirror, offered)
    return mirror.selection.select(
        project._replace(files=_as_pinned(mirror.needs, project.name, offered)),
        lambda file: mirror.core_metadata(project.name, file))


def _stays_unlisted(mirror: IMirror, project: Project, file: File) -> bool:
    """Whether a file that is here and that upstream does not list is adopted or pinned."""
    if file.listed or file.stored is None or file.superseded:
        return False
    if file.adopted:
        return True
    pinned = mirror.needs.pinned.get(project.name)
    version = parse(file.filename, project.name).version if pinned else None
    return version is not None and release(version) in {release(one) for one in pinned or ()}


def _as_pinned(needs: Needs, name: str, files: tuple[File, ...]) -> tuple[File, ...]:
    """Give the files without those of pinned releases whose hash is none of those that the pin allows."""
    hashes = {release(version): allowed for (project, version), allowed in needs.hashes.items() if project == name}
    if not hashes:
        return files

    def agrees(file: File) -> bool:
        version = parse(file.filename, name).version
        allowed = hashes.get(release(version)) if version else None
        return allowed is None or any(f"{algorithm}:{digest}" in allowed for algorithm, digest in file.hashes.items())

    return tuple(file for file in files if agrees(file))


def unmet(needs: Needs, name: str, selected: Selected) -> str | None:
    """Say which pinned releases of a project are not to be had, and why; None if there are none."""
    pinned = needs.pinned.get(name, ())
    missing = [one for one in selected.unmet if one.version in pinned]
    if not missing:
        return None
    hashed = {release(version) for project, version in needs.hashes if project == name}
    told = (f"{one.version} ({'; '.join(one.reasons) or _nothing(release(one.version) in hashed)})" for one in missing)
    return f"pinned, but not to be had: {', '.join(told)}"


def _nothing(hashed: bool) -> str:
    return "upstream offers no file of it" + (" that has a hash which the pin allows" if hashed else "")


def is_published(project: Project, files: Iterable[File], selected: bool) -> bool:
    """Whether a project has a page: one that upstream has, even without files, and one of which files are left."""
    return selected and (project.listed or any(True for _ in files))


def current(file: File) -> bool:
    """Whether what the mirror has of a file is what upstream offers."""
    if file.stored is None:
        return False
    if file.validator is not None and file.validator != file.stored.validator:
        return False
    if file.hashes.get("sha256", file.stored.sha256) != file.stored.sha256:
        return False
    return "sha256" in file.hashes or file.size is None or file.size == file.stored.size


def _told(project: Project, files: Iterable[File]) -> tuple[Any, ...]:
    """Give what a page tells, for comparison."""
    shown = [file._replace(url=file.url if file.external else "", listed=True, validator=None)
             for file in files if file.stored is not None]
    return project._replace(files=(), serial=None, etag=None, listed=True, pages=(), damaged=(), upstream=""), shown
