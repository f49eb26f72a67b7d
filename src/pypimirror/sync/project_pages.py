"""The pages of projects: rendered, written where they have changed, and compared with the state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..advisories.policy import mark_vulnerable
from ..index.page_paths import ProjectPaths
from ..interfaces import IMetadataIndexWriter, IRunContext
from ..model import File, Project
from ..names import METADATA
from ..state import records
from ..state.database import State
from ..storage.atomic import replace


class WrittenPages(NamedTuple):
    """A project's pages as they are now."""

    serial: int
    paths: tuple[str, ...]
    written: bool


def write_pages(mirror: IRunContext, project: Project, serial: int, run: int) -> WrittenPages:
    """Write a project's pages if they have changed, and remove those of formats that are no longer written.

    project: only with the files to be published. serial: of the present pages, 0 without pages; run: this run's serial.
    """
    if serial:
        same = rendered(mirror, project, serial)
        if not set(project.pages) - set(same) and all(mirror.storage.read(path) == page for path, page in same.items()):
            return WrittenPages(serial, tuple(same), False)
    pages = rendered(mirror, project, run)
    replace(mirror.storage, {path: (page,) for path, page in pages.items()})
    for path in project.pages:
        if path not in pages:
            mirror.storage.remove(path)
    return WrittenPages(run, tuple(pages), True)


def rendered(mirror: IRunContext, project: Project, serial: int) -> dict[str, bytes]:
    """Return the pages of a project by path."""
    pages: dict[str, bytes] = {}
    project = mark_vulnerable(mirror.settings, project)
    paths = ProjectPaths(project)

    def metadata(file: File) -> bytes | None:
        has = file.stored is not None and file.stored.metadata
        return mirror.storage.read(f"{project.name}/{file.filename}{METADATA}") if has else None

    for writer in mirror.writers:
        reads = {"metadata": metadata} if IMetadataIndexWriter.providedBy(writer) else {}
        for path, page in paths.checked(writer, writer.pages(project, serial, **reads)):
            # Where case does not count, the normalised name's page must not be overwritten by the other one.
            if not (mirror.storage.case_insensitive and path.lower() in (known.lower() for known in pages)):
                pages[path] = page
    return pages


def unfinished(mirror: IRunContext, state: State) -> Iterator[str]:
    """Yield the names of projects whose pages differ from the state, since a run ended before it wrote them.

    Those that failed before anything of them changed are not among them.
    """
    return (name for name, is_begun in state.pending() if is_begun or _has_other_pages(mirror, state, name))


def _has_other_pages(mirror: IRunContext, state: State, name: str) -> bool:
    row, record = state.row(name), state.record(name)
    if row is None or not row.serial:
        return False
    if record is None:
        return True
    pages = rendered(mirror, records.decode(record).published(), row.serial)
    return any(mirror.storage.read(path) != page for path, page in pages.items())
