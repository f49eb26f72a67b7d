"""Rebuilds the record of a project from its folder and pages, so that no file is downloaded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..engine.steps import in_threads
from ..errors import InvalidPage
from ..index.json import PageMarks, page_marks
from ..interfaces import IRunContext
from ..model import NOTHING, File, Project
from ..names import PAGES, is_project
from ..state import records
from .own_pages import own_paths
from .publish import scanned


class RecoverTask(NamedTuple):
    """One folder of the mirror, and the folders with the display name of the same project."""

    name: str
    legacy: tuple[str, ...] = ()
    #: The names of the pages that each published project has.
    pages: tuple[str, ...] = ()


class RecoveryResult(NamedTuple):
    """A project in the mirror; the next run reads upstream's facts again."""

    name: str
    record: bytes
    #: The mirror's serial of its pages, 0 without pages.
    serial: int
    #: Whether it has all pages; otherwise a run was interrupted while it wrote them.
    is_complete: bool = True


@in_threads
def recover(mirror: IRunContext, task: RecoverTask, emit: Callable[[Any], None]) -> RecoveryResult | None:
    """Rebuild one record; return None if the folder does not belong to a project.

    Files that the mirror's own pages link to count as listed by upstream until its page is read: nothing is removed because the
    state was lost. In a mirror without pages these are all files in the folder.
    """
    if not is_project(task.name):
        return None
    serials = own_paths(mirror, task.name, task.legacy)
    pages = own_pages(mirror, task.name) if serials else OwnPages(Project(task.name))
    # Pages of another origin do not belong to a project and are left alone.
    project = scanned(mirror, pages.project._replace(pages=tuple(serials), listed=bool(serials)))
    if not serials and not project.files:
        return None
    published = {file.filename for file in pages.project.files}
    files = tuple(_as_published(file, file.filename in published, pages.times.get(file.filename)) for file in project.files)
    if not mirror.writers:
        files = tuple(file._replace(listed=True) for file in files)
    return RecoveryResult(task.name, records.encode(project._replace(files=files)), max(serials.values(), default=0),
                          all(f"{task.name}/{page}" in serials for page in task.pages))


def _as_published(file: File, published: bool, time: OwnTime | None) -> File:
    """Return a file as the pages in the mirror have it, without its content if that is damaged."""
    if file.stored is None or _is_damaged(file):
        return file._replace(stored=None)
    when, source = time or (None, None)
    return file._replace(stored=file.stored._replace(published=published, upload_time=when, upload_time_source=source))


def _is_damaged(file: File) -> bool:
    """Whether the hash of a file differs from the one on the mirror's own page."""
    return file.stored is not None and file.hashes.get("sha256", file.stored.sha256) != file.stored.sha256


#: An upload time that is not upstream's, and its source.
OwnTime = tuple[str | None, str]


class OwnPages(NamedTuple):
    """The facts of a project on the mirror's own pages."""

    #: With the files that they name.
    project: Project
    #: Paths of pages that can't be read, and why.
    unreadable: tuple[tuple[str, str], ...] = ()
    #: The upload times that are not upstream's, by name of the file. The files of the project lack them.
    times: Mapping[str, OwnTime] = NOTHING


def own_pages(mirror: IRunContext, name: str) -> OwnPages:
    """Read the mirror's own pages of a project; if they differ, the one with most facts counts."""
    files: dict[str, File] = {}
    times: dict[str, OwnTime] = {}
    unreadable = []
    for page, media_type in PAGES.items():
        body = mirror.storage.read(f"{name}/{page}")
        if body is None:
            continue
        try:
            # The page's links are relative, and no file is ever fetched from where they lead.
            told, _ = mirror.parsers[media_type].project(body, name, "http://mirror.invalid/")
        except InvalidPage as error:
            unreadable.append((f"{name}/{page}", str(error)))
            continue
        marks = page_marks(body) if page.endswith("json") else PageMarks()
        for file in told.files:
            unlisted = file.filename in marks.adopted
            provenance = None if file.provenance is None else ""
            if file.filename in marks.time_sources:
                times.setdefault(file.filename, (file.upload_time, marks.time_sources[file.filename]))
                file = file._replace(upload_time=None)
            files.setdefault(file.filename, file._replace(url="", provenance=provenance, listed=not unlisted, adopted=unlisted))
    return OwnPages(Project(name, tuple(files[filename] for filename in sorted(files))), tuple(unreadable), times)
