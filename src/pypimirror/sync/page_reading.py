"""Reads a project's page from upstream and merges it with the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import IndexFallbackRefused, ProjectNotFound
from ..filters.age import uploaded
from ..interfaces import IRunContext
from ..model import File, Project
from ..upstream.multi_index import is_given_over, serial_at
from . import external_links, pin_hashes, publishers
from .first_seen import first_seen
from .freshness import (
    ACCEPTED,
    Doubt,
    completed,
    doubt_absence,
    doubt_page,
    doubted,
    is_accepted,
    is_behind,
    is_unsettled,
    knows_less,
    listed_without_page,
    weigh,
)
from .unread_entries import with_known_files

if TYPE_CHECKING:
    from .evaluate import EvaluateTask


class PageReading(NamedTuple):
    """A project after its page was read."""

    project: Project
    #: Messages about entries that were left out, and about a page that does not count.
    problems: tuple[str, ...] = ()
    #: Whether a page was read; whether upstream does not have the project.
    read: bool = False
    absent: bool = False
    #: HTTP status of the answer for a project that upstream does not have.
    status: int | None = None
    #: Whether the page is older than upstream's list promised.
    behind: bool = False
    #: Message about answers of upstream that contradict each other.
    error: str | None = None
    #: Files of upstream that have replaced others of the same name, and that are refused.
    refused: tuple[File, ...] = ()


def read(mirror: IRunContext, task: EvaluateTask, old: Project | None,
         select: Callable[[Project], Iterable[File]]) -> PageReading:
    """Read a project's page from upstream. select: returns the files of a project that are selected. Raises MirrorError."""
    since = task.since if old is not None and old.serial is None and not task.force else None
    try:
        page, problems = mirror.source.project(task.name, _etag(mirror, task, old), since)
    except ProjectNotFound as error:
        return _absent(mirror, task, old, error.status_code)._replace(status=error.status_code)
    if page is None:
        assert old is not None
        return _unchanged(task, old, problems)
    if old is not None and not task.give_over:
        _make_sure_of_upstream(mirror, old, page)
    page = publishers.carried(mirror, old, first_seen(mirror, old, page))
    promised = promise(task, old)
    behind = is_behind(serial_at(page.serial, page.upstream), promised)
    # A page of another index is neither older nor newer than the one read before.
    known = old if old is not None and old.upstream in ("", page.upstream) else None
    page, remember, doubts = _weigh_page(known, with_known_files(known, page), promised, task.again)
    problems += doubts
    if page.upstream == mirror.own.upstream:
        page, problems = page._replace(damaged=problems), ()
    page, refused, messages = _without_replacements(mirror, old, page)
    page, more = external_links.joined(mirror, page, old, select)
    narrowed = recent(page, old, since) if since is not None and page.serial is None else page
    project = merged(old, narrowed, _is_superseded(mirror, old, page))
    return PageReading(project._replace(doubt=remember), problems + messages + more, read=True, behind=behind, refused=refused)


def _without_replacements(mirror: IRunContext, old: Project | None,
                          page: Project) -> tuple[Project, tuple[File, ...], tuple[str, ...]]:
    """Return the page with the recorded facts of files that upstream has replaced, if the configuration or a pin refuses that.

    Also returns upstream's files, and a message about each of them.
    """
    takes = mirror.settings["replaced"] == "take"
    if old is None or old.upstream not in ("", page.upstream) or (takes and page.name not in mirror.needs.pinned):
        return page, (), ()
    known = {file.filename: file for file in old.files if file.stored is not None and file.stored.published}
    refused, files, messages = [], [], []
    why = "since its pin allows only that" if takes else "since replaced = refuse"
    for file in page.files:
        before = known.get(file.filename)
        if before is None or not _is_replaced(before, file) or (
                takes and not pin_hashes.prefers(mirror, page.name, before, file)):
            files.append(file)
            continue
        same = _as_listed(before, file)
        refused.append(file)
        files.append(same)
        messages.append(f"{file.filename}: upstream has replaced it (sha256 {file.hashes['sha256']}); the mirror keeps its own "
                        f"({same.hashes['sha256']}), {why}")
    return page._replace(files=tuple(files), etag=None if refused else page.etag), tuple(refused), tuple(messages)


def _is_replaced(before: File, file: File) -> bool:
    """Whether upstream's file differs from the stored one of this name."""
    stored = before.stored
    return stored is not None and file.hashes.get("sha256", stored.sha256) != stored.sha256


def _as_listed(before: File, file: File) -> File:
    """Return the stored file as if upstream still listed it."""
    assert before.stored is not None
    hashes = {**before.hashes, "sha256": before.stored.sha256}
    return before._replace(hashes=hashes, listed=True, yanked=file.yanked, stored=None)


def _etag(mirror: IRunContext, task: EvaluateTask, old: Project | None) -> str | None:
    """Return the ETag for a conditional request; None if the page is needed even if it has not changed."""
    return old.etag if old is not None and not task.force and not external_links.is_followed(mirror) else None


class _WeighedPage(NamedTuple):
    """A page as far as it counts."""

    page: Project
    #: For ``Project.doubt``.
    doubt: str
    problems: tuple[str, ...] = ()


def _weigh_page(known: Project | None, page: Project, promised: str | None, again: bool) -> _WeighedPage:
    """Replace a doubted page with the recorded facts; fill in the missing facts of an accepted one."""
    doubt = doubt_page(known, page, promised)
    counts, remember = True, ACCEPTED if known is not None and is_accepted(known) and knows_less(known, page) else ""
    problems: tuple[str, ...] = ()
    if doubt is not None:
        counts, remember = weigh(doubt, known, page, again)
        if not counts:
            page, problems = _doubted(known, page, doubt)
        elif is_unsettled(page._replace(doubt=remember)):
            page = page._replace(etag=None)
    # A rebuilt record has the facts of the mirror's own pages, and none of upstream's.
    if known is not None and known.upstream == page.upstream and counts and knows_less(known, page):
        page = completed(known, page)
    return _WeighedPage(page, remember, problems)


def _doubted(known: Project | None, page: Project, doubt: Doubt) -> tuple[Project, tuple[str, ...]]:
    """Return what counts in place of a doubted page, and a message if its files and those that count differ."""
    kept = doubted(known, page, doubt)
    ours, theirs = {file.filename for file in kept.files}, {file.filename for file in page.files}
    if ours == theirs:
        return kept, ()
    effect = "removed on its account" if ours - theirs else "taken from it"
    return kept, (f"{doubt.reason}: nothing is {effect}, and it is read again by the next run",)


def promise(task: EvaluateTask, old: Project | None) -> str | None:
    """Return the serial on upstream's list; one that an earlier run has read counts as long as the list is not read again."""
    return task.list_serial or (old.promised or None if old is not None and task.listed else None)


def _absent(mirror: IRunContext, task: EvaluateTask, old: Project | None, status: int | None) -> PageReading:
    has_list = task.listed or mirror.selection.exact is None
    doubt = None if task.trust else doubt_absence(old, task.listed if has_list else None, status)
    if old is None and task.listed and not task.trust:
        # The record makes the next run read the page again; then an absence counts.
        return PageReading(Project(task.name, listed=False, doubt="1 absent"), absent=True,
                           error=f"{listed_without_page(status)}: read again by the next run")
    if doubt is not None:
        assert old is not None
        counts, remember = weigh(doubt, old, None, task.again, absent=True)
        if not counts:
            return PageReading(old._replace(doubt=remember, etag=None), absent=True, error=doubt.reason)
    return PageReading(merged(old, Project(task.name, listed=False)), absent=True)


def _unchanged(task: EvaluateTask, old: Project, problems: tuple[str, ...]) -> PageReading:
    promised = promise(task, old)
    doubt = doubt_page(old, None, promised)
    remember = ACCEPTED if is_accepted(old) else ""
    if doubt is not None:
        remember = weigh(doubt, old, None, task.again).remember or remember
    behind = is_behind(serial_at(old.serial, old.upstream), promised)
    # The answer contradicts the list: a request without a condition may reach the present page.
    return PageReading(old._replace(doubt=remember, etag=None if behind else old.etag), problems, behind=behind)


def _make_sure_of_upstream(mirror: IRunContext, old: Project, page: Project) -> None:
    """Raise IndexFallbackRefused if the preferred index has lost a project, and another index would supply it."""
    if is_given_over(mirror.upstreams, old.upstream, page.upstream):
        raise IndexFallbackRefused(f"{old.upstream} does not have it any more, and {page.upstream} has a project of that name: "
                                   f"what is here stays; if both are the same, it is taken from there with: sync {old.name}")


def _is_superseded(mirror: IRunContext, old: Project | None, page: Project) -> bool:
    """Whether a project is now taken from another index although the one that it was taken from before is still in use."""
    return (old is not None and old.upstream != page.upstream
            and old.upstream in (*mirror.upstreams, *filter(None, (mirror.own.upstream,))))


def merged(old: Project | None, page: Project, superseded: bool = False) -> Project:
    """Return upstream's page joined with the files that are in the mirror; those that the page lacks are marked as not listed.

    superseded: whether the files are from another index than the page, and are no longer offered for that reason.
    """
    mirrored = _mirrored_files(old, page)
    files = [_with_copy(file, mirrored.pop(file.filename, None)) for file in pin_hashes.carried(old, page)]
    files.extend(file._replace(listed=False, superseded=not file.adopted and (superseded or file.superseded))
                 for file in mirrored.values())
    if old is not None:
        page = page._replace(display=page.display or old.display, pages=old.pages, upstream=page.upstream or old.upstream)
    return page._replace(files=tuple(sorted(files, key=lambda file: file.filename)), url="", links=(), unread=())


def _with_copy(file: File, known: File | None) -> File:
    """Return a file of upstream's page with the mirror's copy of it."""
    return file if known is None else file._replace(stored=known.stored, forced=known.forced)


def _mirrored_files(old: Project | None, page: Project) -> dict[str, File]:
    """Return the files that are in the mirror or were adopted, by name."""
    if old is None:
        return {}
    files = {file.filename: file for file in old.files if file.stored is not None or file.adopted}
    if not old.upstream or page.upstream in ("", old.upstream):
        return files
    # Two indexes may have different files under one name; without a hash they can't be distinguished.
    unclear = {file.filename for file in page.files if "sha256" not in file.hashes}
    return {name: file._replace(stored=file.stored._replace(foreign=True)) if name in unclear and file.stored else file
            for name, file in files.items()}


def recent(page: Project, old: Project | None, since: float) -> Project:
    """Return the page without files uploaded before a time that are not mirrored; a page of another index unchanged."""
    if old is not None and old.upstream != page.upstream:
        return page
    here = {file.filename for file in (old.files if old else ()) if file.stored is not None}
    return page._replace(files=tuple(
        file for file in page.files if file.filename in here or (when := uploaded(file)) is None or when >= since))
