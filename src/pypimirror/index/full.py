"""One page with all files of the mirror, as z3c.pypimirror wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from zope.interface import implementer

from .. import __version__
from ..interfaces import ISettings, IWholeIndexWriter
from ..model import Entry, Project
from ..names import FULL_PAGE
from .html import anchor, head

MOST_FILES = 50_000


@implementer(IWholeIndexWriter)
class FullIndex:
    """Writes ``full.html``: sorted, with absolute links if ``base_url`` is set."""

    root = FULL_PAGE

    def __init__(self, settings: ISettings):
        #: Files beyond which the page is not written, or None: no limit if the configuration names the format.
        self.most_files = MOST_FILES if settings.origin("index_formats") == "default" else None
        base = settings["base_url"] or ""
        self._base = base + "/" if base else ""

    def pages(self, project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def serial(self, page: bytes) -> int | None:
        return None

    def section(self, project: Project) -> bytes:
        folder = f"{self._base}{project.name}/"
        links = "".join(anchor(file, folder) for file in project.files)
        return f"<h2>{escape(project.display or project.name)}</h2>\n{links}".encode()

    def projects(self, entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        yield head("All files").encode()
        projects = files = 0
        for entry in entries:
            projects += 1
            files += entry.files
            yield entry.section
        # A new version of this package alone does not make a run write the page again.
        yield (f"<hr>\n<p>{projects} packages, {files} files. z3c.recipe.pypimirror {__version__}</p>\n"
               "</body>\n</html>\n").encode()
