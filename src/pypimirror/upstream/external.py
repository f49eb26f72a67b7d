"""External files (PEP 438): found by following links of an index, checked for changes by their validators, not hashes.

Loaded only if ``external_links`` is set. While a host is unreachable, the mirror keeps the files from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ..errors import FetchError, MirrorError
from ..http import ssrf
from ..http.peek import glance
from ..http.retry import RetryPolicy
from ..http.urls import strip_credentials
from ..interfaces import IRunContext
from ..model import File, Head, Project, Stored
from . import validation
from .links import belongs, last_part, own_first
from .project_json import project_links
from .scan import scan
from .validators import conditions, media_type, sent_name, size, validator

#: Maximum number of links to follow for one project.
MOST_LINKS = 20
_HTML = frozenset({"text/html", "application/xhtml+xml"})


class _LinkResult(NamedTuple):
    """The files that one link leads to, or a problem."""

    link: str
    files: tuple[File, ...] = ()
    problem: str | None = None


#: Returns the selected files of a project.
_Select = Callable[[Project], Iterable[File]]


def followed(mirror: IRunContext, page: Project, old: Project | None, select: _Select) -> tuple[Project, tuple[str, ...]]:
    """Return upstream's page with the files that its links lead to, and problems.

    page: as parsed from upstream; old: the project of the state; select: returns the selected files of a project. Raises the
    errors of ``select`` only; errors of other hosts become problems.
    """
    if page.quarantined:
        return page, ()
    # Dead links are common: one retry only, without long delays.
    attempts = RetryPolicy(min(mirror.settings["retries"], 1))
    links, problems = _links(mirror, attempts, page)
    incomplete = bool(problems)
    if len(links) > MOST_LINKS:
        problems.append(f"{len(links)} links to other hosts; the first {MOST_LINKS} are followed")
    results = mirror.side_by_side.each(lambda link: _follow_link(mirror, attempts, page, link, select), links[:MOST_LINKS])
    failed = {result.link: result.problem for result in results if result.problem is not None}
    problems.extend(failed.values())
    here = {file.filename: file for file in (old.files if old is not None else ()) if file.stored is not None}
    kept = [file for file in here.values()
            if file.external is not None and (file.external in failed or (incomplete and file.external not in links))]
    found = own_first([*page.files, *(file for result in results for file in result.files), *kept])
    checked, more = _check_files(mirror, attempts, page, found, kept, here, select)
    files = tuple(checked.get(file.filename, file) for file in found)
    return page._replace(files=files), validation.bounded([*problems, *more])


def _links(mirror: IRunContext, attempts: RetryPolicy, page: Project) -> tuple[list[str], list[str]]:
    """Return the distinct links of the page and of the project's JSON, and a problem if the latter can't be read."""
    try:
        return list(dict.fromkeys((*page.links, *project_links(mirror.fetcher, attempts, page)))), []
    except MirrorError as error:
        return list(dict.fromkeys(page.links)), [str(error)]


def _check_files(mirror: IRunContext, attempts: RetryPolicy, page: Project, found: list[File], kept: list[File],
                 here: Mapping[str, File], select: _Select) -> tuple[dict[str, File], list[str]]:
    """Request the selected files without hash and validator; return them by name, and problems.

    kept: files that stay as they are; here: the files of the mirror by name.
    """
    wanted = {file.filename for file in select(page._replace(files=tuple(found)))}
    asked = mirror.side_by_side.each(
        lambda file: _check_file(mirror, attempts, page, file, here[file.filename].stored if file.filename in here else None),
        [file for file in found if _is_open(file) and file.filename in wanted and file not in kept])
    return {file.filename: file for file, _ in asked}, [problem for _, problem in asked if problem is not None]


def _is_open(file: File) -> bool:
    """Whether an external file must be requested, because neither a hash nor a validator identifies it."""
    return file.external is not None and not file.hashes and file.validator is None


def _follow_link(mirror: IRunContext, attempts: RetryPolicy, page: Project, link: str, select: _Select) -> _LinkResult:
    """Follow one link of an index page."""
    name = last_part(link)
    if belongs(name, page.name):
        url, hashes = validation.file_url(link, link)
        return _LinkResult(link, (File(name, url, hashes, external=link),))
    pages = mirror.settings["follow_external_index_pages"]

    def is_page(head: Head) -> bool:
        return pages and _is_html(head) and sent_name(head, page.name) is None

    try:
        ssrf.check(page.url, link)
        head, body = attempts(lambda: glance(mirror.fetcher, link, is_page))
    except FetchError as error:
        return _LinkResult(link, problem=str(error))
    if body is not None:
        files = scan(body.decode("utf-8", "replace"), head.url, page.name, link,
                     lambda files: select(page._replace(files=files)))
        return _LinkResult(link, files)
    sent = None if _is_html(head) else sent_name(head, page.name)
    if sent is None:
        return _LinkResult(link)
    return _LinkResult(link, (File(sent, link, size=size(head), external=link, validator=validator(head)),))


def _check_file(mirror: IRunContext, attempts: RetryPolicy, page: Project, file: File,
             stored: Stored | None) -> tuple[File, str | None]:
    """Return a file with its current size and validator, and a problem or None.

    stored: the mirror's copy.
    """
    try:
        ssrf.check(page.url, file.url)
        head, _ = attempts(lambda: glance(mirror.fetcher, file.url, lambda head: False, conditions(stored)))
        if head.status != 304 and _is_html(head):
            raise FetchError(strip_credentials(file.url), "an HTML page in place of a distribution")
    except FetchError as error:
        if stored is not None:
            return file._replace(size=stored.size, validator=stored.validator), str(error)
        if error.transient and error.code is not None:
            return file, None  # the download retries, and reports the error
        return file._replace(listed=False), str(error)
    if head.status == 304 and stored is not None:
        return file._replace(size=stored.size, validator=stored.validator), None
    return file._replace(size=size(head), validator=validator(head)), None


def _is_html(head: Head) -> bool:
    return media_type(head) in _HTML
