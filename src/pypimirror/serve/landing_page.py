"""The start page and the pages about projects for people, which ``serve`` renders also where the mirror has none.

They are those of ``index.browse``, with the age of the mirror, and with a search that needs no script.
"""

import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import NamedTuple

from ..http.urls import simple_url
from ..index import project_page
from ..index.browse import assets
from ..index.start_page import MOST_LISTED, StartPage, client_blocks, render
from ..interfaces import IClient
from ..names import normalize
from ..settings.units import in_bytes
from ..tracebacks import summary
from .legacy import metadata_reader, read_project
from .pages import Page, with_body
from .tree import Tree

_PROJECT = re.compile(r'<a href="([^"/?#]+)/">(.*?)</a>')
#: Seconds for which figures are cached, because they are read from a database.
_KEPT = 60
#: Pages about projects that are cached.
_MOST_PAGES = 200
#: The date of the style sheet and the script, which come from this package: browsers go by their ETags.
_UNDATED = "Thu, 01 Jan 1970 00:00:00 GMT"


class Figures(NamedTuple):
    """Facts about a mirror that are not in its pages."""

    files: int
    bytes: int
    #: When the last good run began, in seconds since the epoch, or None.
    checked: float | None


class LandingPage:
    """Renders the pages for people. Used by several threads at once."""

    def __init__(self, figures: Callable[[], Figures | None], base_url: str | None, clients: Mapping[str, IClient]):
        """figures: called at most once a minute; returns None if nothing is known. base_url: that of the configuration.

        clients: whose files the page shows, by name.
        """
        self._clients = clients
        self._figures = figures
        self._base_url = base_url
        self._known: tuple[float, Figures | None] = (-_KEPT, None)
        self._last: tuple[object, Page | None] = (None, None)
        self._projects: OrderedDict[tuple[str, ...], tuple[object, Page | None]] = OrderedDict()

    def render_start_page(self, root: Page, text: bytes, address: str, query: str) -> Page:
        """Return the start page.

        root, text: the mirror's plain root page. address: of the server, used without ``base_url``. query: a part of the names
        to list; empty for all.
        """
        figures = self._current_figures()
        key = (root.signature, figures, address)
        if not query and self._last[0] == key and self._last[1] is not None:
            return self._last[1]
        body = self._render(root, text.decode("utf-8", "replace"), self._base_url or address, query.strip(), figures)
        page = with_body(root, body)
        if not query:
            self._last = key, page
        return page

    def render_project_page(self, source: Page, tree: Tree, path: tuple[str, str]) -> Page | None:
        """Return the page about a project; None if its page of the index can't be read.

        source, path: as for ``legacy.render_page``.
        """
        known = self._projects.get(path)
        if known is None or known[0] != source.signature:
            project = read_project(source, tree, path)
            page = None if project is None else with_body(
                source, project_page.render(project, int(source.serial or 0), metadata_reader(tree, path[0])))
            known = source.signature, page
            self._projects[path] = known
            if len(self._projects) > _MOST_PAGES:
                self._projects.popitem(last=False)
        return known[1]

    def asset(self, path: Sequence[str]) -> Page | None:
        """Return the style sheet or the script of the pages, or None for another path."""
        body = assets().get(path[0]) if len(path) == 1 else None
        return None if body is None else with_body(Page((0, 0, 0), "", "", 0, _UNDATED, None, 0, None, b""), body)

    def _current_figures(self) -> Figures | None:
        moment, figures = self._known
        if time.monotonic() - moment >= _KEPT:
            figures = self._figures()
            self._known = time.monotonic(), figures
        return figures

    def _render(self, root: Page, text: str, url: str, query: str, figures: Figures | None) -> bytes:
        every = _PROJECT.findall(text)
        wanted = normalize(query)
        found = [(name, display) for name, display in every if wanted in name] if wanted else every
        facts = [("Projects", f"{len(every):,}")]
        if figures:
            facts += [("Files", f"{figures.files:,}"), ("Size", in_bytes(figures.bytes))]
            facts.append(("Last checked", _format_moment(figures.checked) if figures.checked else "never"))
        page = StartPage(len(every), facts, client_blocks(self._clients, simple_url(url), _warn_of_client),
                         [(name, unescape(display)) for name, display in found] if len(found) <= MOST_LISTED else None,
                         True, query, len(found) if wanted else None, root.serial)
        return b"".join(render(page))


def _warn_of_client(name: str, error: Exception) -> None:
    print(f"pypimirror: client {name!r}: {summary(error)}", file=sys.stderr)


def _format_moment(seconds: float) -> str:
    moment = time.gmtime(seconds)
    exact, shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment), time.strftime("%Y-%m-%d %H:%M UTC", moment)
    return f'<time datetime="{exact}">{shown}</time>'
