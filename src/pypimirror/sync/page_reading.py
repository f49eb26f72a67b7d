"""Reads a project's page, as far as it counts, and joins it to what the mirror has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import IndexFallbackRefused, ProjectNotFound
from ..filters.age import uploaded
from ..interfaces import IRunContext
from ..model import File, Project
from ..upstream.multi_index import is_given_over, serial_at
from . import external_links, pin_hashes
from .freshness import ACCEPTED, completed, doubt_absence, doubt_page, doubted, is_behind, knows_less, weigh

if TYPE_CHECKING:
    from .evaluate import EvaluateTask


class PageReading(NamedTuple):
    """What is known of a project once upstream was asked."""

    project: Project
    #: What was left out of the page, and why the page does not count, in words.
    problems: tuple[str, ...] = ()
    #: Whether a page was read; whether there is none.
    read: bool = False
    absent: bool = False
    #: The status of the answer that there is none, if it was asked for by HTTP.
    status: int | None = None
    #: Whether the page is older than upstream's list promised.
    behind: bool = False
    #: Upstream contradicts itself, in words.
    error: str | None = None


def read(mirror: IRunContext, task: EvaluateTask, old: Project | None,
         select: Callable[[Project], Iterable[File]]) -> PageReading:
    """Ask upstream for a page. select: returns the files of a project that are asked for. Raises MirrorError."""
    etag = old.etag if old is not None and not task.force and not external_links.is_followed(mirror) else None
    since = task.since if old is not None and old.serial is None and not task.force else None
    try:
        page, problems = mirror.source.project(task.name, etag, since)
    except ProjectNotFound as error:
        return _absent(mirror, task, old)._replace(status=error.status_code)
    if page is None:
        assert old is not None
        return _unchanged(task, old, problems)
    if old is not None and not task.give_over:
        _make_sure_of_upstream(mirror, old, page)
    page = first_seen(mirror, old, page)
    # What another index says of a project is neither older nor newer.
    known = old if old is not None and old.upstream in ("", page.upstream) else None
    promised = promise(task, old)
    behind = is_behind(serial_at(page.serial, page.upstream), promised)
    doubt, remember = doubt_page(known, page, promised), ""
    if doubt is not None:
        counts, remember = weigh(doubt, known, page, task.again)
        if not counts:
            kept = doubted(known, page, doubt)
            if not {file.filename for file in kept.files} <= {file.filename for file in page.files}:
                problems += (f"{doubt.reason}: nothing is removed on its account, and it is read again by the next run",)
            page = kept
        elif doubt.lasts:
            page = page._replace(etag=None)
    if known is not None and (remember or known.doubt) == ACCEPTED and knows_less(known, page):
        page, remember = completed(known, page), ACCEPTED
    if page.upstream == mirror.own.upstream:
        page, problems = page._replace(damaged=problems), ()
    page, more = external_links.joined(mirror, page, old, select)
    narrowed = recent(page, old, since) if since is not None and page.serial is None else page
    project = merged(old, narrowed, _is_superseded(mirror, old, page))
    return PageReading(project._replace(doubt=remember), problems + more, read=True, behind=behind)


def first_seen(mirror: IRunContext, old: Project | None, page: Project) -> Project:
    """Return a page whose files without upload time say when this mirror first saw them.

    Those that were known before that was noted, and the site's own, count as seen long ago.
    """
    if page.upstream and page.upstream == mirror.own.upstream:
        return page
    known = {file.filename: file for file in (old.files if old else ())}
    now = int(time.time())

    def noted(file: File) -> File:
        if uploaded(file) is not None:
            return file
        before = known.get(file.filename)
        # Another file under the name of an old one is a new upload.
        if before is None or any(file.hashes.get(name, digest) != digest for name, digest in before.hashes.items()):
            return file._replace(seen=now)
        seen = before.seen if (when := uploaded(before)) is None else int(when)
        return file._replace(seen=None if seen is None else min(seen, now))

    return page._replace(files=tuple(map(noted, page.files)))


def promise(task: EvaluateTask, old: Project | None) -> str | None:
    """Return the serial on upstream's list; one that an earlier run has read counts as long as the list is not read again."""
    return task.list_serial or (old.promised or None if old is not None and task.listed else None)


def _absent(mirror: IRunContext, task: EvaluateTask, old: Project | None) -> PageReading:
    has_list = task.listed or mirror.selection.exact is None
    doubt = None if task.trust else doubt_absence(old, task.listed if has_list else None)
    if doubt is not None:
        assert old is not None
        counts, remember = weigh(doubt, old, None, task.again, absent=True)
        if not counts:
            return PageReading(old._replace(doubt=remember, etag=None), absent=True, error=doubt.reason)
    return PageReading(merged(old, Project(task.name, listed=False)), absent=True)


def _unchanged(task: EvaluateTask, old: Project, problems: tuple[str, ...]) -> PageReading:
    promised = promise(task, old)
    doubt = doubt_page(old, None, promised)
    remember = old.doubt if old.doubt == ACCEPTED else ""
    if doubt is not None:
        remember = weigh(doubt, old, None, task.again).remember or remember
    return PageReading(old._replace(doubt=remember), problems,
                   behind=is_behind(serial_at(old.serial, old.upstream), promised))


def _make_sure_of_upstream(mirror: IRunContext, old: Project, page: Project) -> None:
    """Raise GivenOver if an index that counts first has lost a project, which another one would then stand in for."""
    if is_given_over(mirror.upstreams, old.upstream, page.upstream):
        raise IndexFallbackRefused(f"{old.upstream} does not have it any more, and {page.upstream} has a project of that name: "
                                   f"what is here stays; if both are the same, it is taken from there with: sync {old.name}")


def _is_superseded(mirror: IRunContext, old: Project | None, page: Project) -> bool:
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
        here = {name: file._replace(stored=file.stored._replace(foreign=True)) if name in unclear and file.stored else file
                for name, file in here.items()}
    files = [file._replace(stored=here.pop(file.filename).stored) if file.filename in here else file
             for file in pin_hashes.carried(old, page)]
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
