"""The pages for people: ``browse.html`` for each project and for the root.

No client of the index reads them: a project's page of the Simple API is as it is without them, and the root page has a button
that leads here, not a link, since clients take each link on that page for a project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from zope.interface import implementer

from ..http.urls import simple_url
from ..interfaces import IClient, ISettings, IStartPageWriter
from ..model import Entry, File, Project, Totals
from ..names import BROWSE_PAGE, BROWSE_SCRIPT, BROWSE_STYLE
from ..settings.units import in_bytes
from ..tracebacks import log_error
from .html import page_serial

_NOTHING = Totals()


@implementer(IStartPageWriter)
class BrowseIndex:
    """Writes the pages for people. They name no version of this package, so that an upgrade rewrites nothing."""

    root = BROWSE_PAGE
    most_files = None

    def __init__(self, settings: ISettings):
        self._index = simple_url(settings["base_url"] or "", settings["mirror_file_path"])

    @property
    def assets(self) -> Mapping[str, bytes]:
        return assets()

    def pages(self, project: Project, serial: int,
              metadata: Callable[[File], bytes | None] | None = None) -> Iterator[tuple[str, bytes]]:
        from . import project_page  # not loaded where nothing changed

        yield f"{project.name}/{BROWSE_PAGE}", project_page.render(project, serial, metadata)

    def serial(self, page: bytes) -> int | None:
        return page_serial(page)

    def projects(self, entries: Iterable[Entry], serial: int, totals: Totals = _NOTHING,
                 clients: Mapping[str, IClient] | None = None) -> Iterator[bytes]:
        from . import start_page

        facts = [("Projects", f"{totals.projects:,}"), ("Files", f"{totals.files:,}"), ("Size", in_bytes(totals.bytes))]
        blocks = start_page.client_blocks(clients or {}, self._index, _warn)
        listed = None if totals.projects > start_page.MOST_LISTED else (
            (entry.name, entry.display or entry.name) for entry in entries)
        return start_page.render(start_page.StartPage(totals.projects, facts, blocks, listed, serial=str(serial)))


def _warn(name: str, error: Exception) -> None:
    log_error(f"the start page lacks the client {name!r}", error)


@cache
def assets() -> Mapping[str, bytes]:
    """Return the style sheet and the script of the pages, by file name."""
    from importlib.resources import files

    here = files(__package__)
    return {name: here.joinpath(name).read_bytes() for name in (BROWSE_STYLE, BROWSE_SCRIPT)}
