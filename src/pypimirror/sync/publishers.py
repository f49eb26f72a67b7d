"""Publishers of releases by their provenance (PEP 740): reads them for the filter ``publishers``, and reports changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import FetchError
from ..filters.age import uploaded
from ..filters.publishers import NAME, UNREADABLE, TrustedPublishers, describe
from ..http.optional_body import fetch_if_there
from ..interfaces import IRunContext
from ..metadata.errors import InvalidContent
from ..metadata.filenames import parse, pep440
from ..metadata.provenance import LARGEST, publishers
from ..model import File, Project
from ..names import PROVENANCE
from ..selected import Selected

if TYPE_CHECKING:
    from packaging.version import Version


def carried(mirror: IRunContext, old: Project | None, page: Project) -> Project:
    """Return a page with what is known about the publishers of its files; marks files that upstream has added.

    Nothing is marked when the page is read for the first time, nor among the site's own distributions. old: the record.
    """
    if old is None or not (old.listed or old.files) or (page.upstream and page.upstream == mirror.own.upstream):
        return page
    known = {file.filename: file for file in old.files}
    newest = max(filter(None, map(uploaded, old.files)), default=None)

    def marked(file: File) -> File:
        before = known.get(file.filename)
        if before is None:
            # A rebuilt record lacks what filters have left out: a file older than a known one was not added since.
            when = uploaded(file)
            return file._replace(added=when is None or newest is None or when > newest)
        is_same = all(before.hashes.get(name, digest) == digest for name, digest in file.hashes.items())
        return file._replace(added=before.added, publishers=before.publishers if is_same else None)

    return page._replace(files=tuple(map(marked, page.files)))


def uncompared(selected: Selected) -> frozenset[str]:
    """Return the names of the files that wait for the comparison of their publishers."""
    return frozenset(one.file.filename for one in selected.left_out if one.filter == NAME and one.file.publishers is None)


def with_publishers(mirror: IRunContext, project: Project, names: Collection[str]) -> Project:
    """Return a project with the publishers of the files in the mirror, and of the named ones, which are fetched.

    Raises FetchError.
    """

    def read(file: File) -> File:
        if file.publishers is not None or (file.stored is None and file.filename not in names):
            return file
        return file._replace(publishers=_publishers(mirror, project.name, file))

    return project._replace(files=tuple(mirror.side_by_side.each(read, project.files)))


def accepted(project: Project, selected: Selected) -> Project:
    """Return a project whose selected files are no longer marked as added."""
    names = {file.filename for file in selected.files if file.added}
    if not names:
        return project
    return project._replace(files=tuple(
        file._replace(added=False) if file.filename in names else file for file in project.files))


def newly_held(old: Project | None, selected: Selected) -> Iterator[tuple[str, str]]:
    """Yield the names of the files that are held back since this evaluation, with the reasons."""
    known = {file.filename for file in (old.files if old is not None else ()) if file.publishers is not None}
    for one in selected.left_out:
        if one.filter == NAME and one.file.publishers is not None and one.file.filename not in known:
            yield one.file.filename, one.reason


def held_back(project: str, filename: str, reason: str) -> str:
    """Return the message about a file that is held back."""
    return f"{project}: {filename} is held back: {reason}; allow the release, or name the publisher in trusted_publishers"


def changed_publishers(mirror: IRunContext, project: str, files: Iterable[File], new: Collection[str]) -> Iterator[str]:
    """Yield a message about each new release with other publishers than the release before it, or with none any more.

    files: those that are published; new: the names of those that this run has fetched.
    """
    trusted = TrustedPublishers(mirror.settings)
    releases: dict[Version, list[File]] = {}
    for file in files:
        parsed = pep440(parse(file.filename, project).version or "")
        if parsed is not None:
            releases.setdefault(parsed, []).append(file)
    before: frozenset[str] = frozenset()
    for version, of_release in sorted(releases.items(), key=lambda item: item[0]):
        found = frozenset[str]().union(*(_stored_publishers(mirror, project, file) for file in of_release))
        is_new = any(file.filename in new for file in of_release)
        if before and not found & before and is_new and not trusted.trusts(project, found):
            yield f"{version} is {describe(sorted(found))}; the release before it was {describe(sorted(before))}"
        before = found or before


def _publishers(mirror: IRunContext, project: str, file: File) -> tuple[str, ...]:
    # The record of a file that was found after the state was lost does not name its provenance yet.
    body = mirror.storage.read(f"{project}/{file.filename}{PROVENANCE}") if file.stored is not None else None
    if body is None and file.provenance:
        try:
            body = fetch_if_there(mirror.fetcher, mirror.attempts, file.provenance, LARGEST)
        except FetchError as error:
            if error.transient or error.code is not None:
                raise
            return (UNREADABLE,)  # it is too large, or upstream may not lead to it; no further attempt changes that
    return () if body is None else tuple(sorted(_read(body)))


def _stored_publishers(mirror: IRunContext, project: str, file: File) -> frozenset[str]:
    if file.stored is None or not file.stored.provenance:
        return frozenset()
    body = mirror.storage.read(f"{project}/{file.filename}{PROVENANCE}")
    return frozenset() if body is None else _read(body)


def _read(body: bytes) -> frozenset[str]:
    try:
        return publishers(body)
    except InvalidContent:
        return frozenset((UNREADABLE,))
