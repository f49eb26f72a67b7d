"""Files that lie outside of the index: found by following its links, and looked at for changes, as no hash tells of these.

Loaded only where ``external_links`` asks for it. A host that can't be asked takes nothing away: what the mirror has from there
stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..errors import FetchError, MirrorError
from ..http import ssrf
from ..http.peek import glance
from ..http.retry import RetryPolicy
from ..http.urls import strip_credentials
from ..interfaces import IRunContext
from ..model import File, Head, Project, Stored
from . import validation
from .accept import media_type
from .links import belongs, last_part, own_first
from .project_json import beside
from .scan import scan
from .validators import conditions, sent_name, size, validator

#: As many links of one project are followed.
MOST_LINKS = 20
_HTML = frozenset({"text/html", "application/xhtml+xml"})


class _Behind(NamedTuple):
    """What is behind one link."""

    link: str
    files: tuple[File, ...] = ()
    problem: str | None = None


#: Gives the files of a project that are asked for.
_Select = Callable[[Project], Iterable[File]]


def followed(mirror: IRunContext, page: Project, old: Project | None, select: _Select) -> tuple[Project, tuple[str, ...]]:
    """Give upstream's page with the files that its links lead to, and problems.

    page: as read from upstream; old: what is remembered of the project; select: gives the files of a project that are asked
    for. Raises what ``select`` raises, and nothing that other hosts are the reason of.
    """
    if page.quarantined:
        return page, ()
    # Dead links are common where there are any; one second chance, and no long waiting.
    attempts = RetryPolicy(min(mirror.settings["retries"], 1))
    links, problems = dict.fromkeys(page.links), []
    unread = False
    try:
        links.update(dict.fromkeys(beside(mirror.fetcher, attempts, page)))
    except MirrorError as error:
        problems.append(str(error))
        unread = True
    if len(links) > MOST_LINKS:
        problems.append(f"{len(links)} links to other hosts; the first {MOST_LINKS} are followed")
    results = mirror.crew.each(lambda link: _behind(mirror, attempts, page, link, select), list(links)[:MOST_LINKS])
    failed = {result.link for result in results if result.problem is not None}
    problems.extend(result.problem for result in results if result.problem is not None)
    here = {file.filename: file for file in (old.files if old is not None else ()) if file.stored is not None}
    kept = [file for file in here.values()
            if file.external is not None and (file.external in failed or (unread and file.external not in links))]
    found = own_first([*page.files, *(file for result in results for file in result.files), *kept])
    wanted = {file.filename for file in select(page._replace(files=tuple(found)))}
    asked = mirror.crew.each(
        lambda file: _checked(mirror, attempts, page, file, here[file.filename].stored if file.filename in here else None),
        [file for file in found if _is_open(file) and file.filename in wanted and file not in kept])
    problems.extend(problem for _, problem in asked if problem is not None)
    checked = {file.filename: file for file, _ in asked}
    return page._replace(files=tuple(checked.get(file.filename, file) for file in found)), validation.bounded(problems)


def _is_open(file: File) -> bool:
    """Whether neither a hash nor an answer tells which file it is."""
    return file.external is not None and not file.hashes and file.validator is None


def _behind(mirror: IRunContext, attempts: RetryPolicy, page: Project, link: str, select: _Select) -> _Behind:
    """Follow one link of the index."""
    name = last_part(link)
    if belongs(name, page.name):
        url, hashes = validation.file_url(link, link)
        return _Behind(link, (File(name, url, hashes, external=link),))
    pages = mirror.settings["follow_external_index_pages"]

    def is_page(head: Head) -> bool:
        return pages and _is_html(head) and sent_name(head, page.name) is None

    try:
        ssrf.check(page.url, link)
        head, body = attempts(lambda: glance(mirror.fetcher, link, is_page))
    except FetchError as error:
        return _Behind(link, problem=str(error))
    if body is not None:
        files = scan(body.decode("utf-8", "replace"), head.url, page.name, link,
                     lambda files: select(page._replace(files=files)))
        return _Behind(link, files)
    sent = None if _is_html(head) else sent_name(head, page.name)
    if sent is None:
        return _Behind(link)
    return _Behind(link, (File(sent, link, size=size(head), external=link, validator=validator(head)),))


def _checked(mirror: IRunContext, attempts: RetryPolicy, page: Project, file: File,
             stored: Stored | None) -> tuple[File, str | None]:
    """Give a file with its size and validator as its host has it now, and a problem.

    stored: what the mirror has of it.
    """
    try:
        ssrf.check(page.url, file.url)
        head, _ = attempts(lambda: glance(mirror.fetcher, file.url, lambda head: False, conditions(stored)))
        if head.status != 304 and _is_html(head):
            raise FetchError(strip_credentials(file.url), "a page came and no distribution")
    except FetchError as error:
        if stored is not None:
            return file._replace(size=stored.size, validator=stored.validator), str(error)
        if error.transient and error.code is not None:
            return file, None  # what the download runs into is told then, and tried again
        return file._replace(listed=False), str(error)
    if head.status == 304 and stored is not None:
        return file._replace(size=stored.size, validator=stored.validator), None
    return file._replace(size=size(head), validator=validator(head)), None


def _is_html(head: Head) -> bool:
    return media_type(head.headers.get("content-type", "")) in _HTML
