"""The index over HTTP: a WSGI application that serves a mirror's tree.

``/`` and ``/simple/`` are the same index. Any spelling of a project's name means the normalised one. ``/pypi/<name>/json`` and
``/packages/<name>/<file>`` serve clients of PyPI's older API, ``/integrity/<name>/<version>/<file>/provenance`` those of its
Integrity API; files of projects are never that deep, so these paths can't conflict with the name of a project. Names that
start with a dot, symbolic links and directory listings are not served.
"""

import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from ..http.content_types import CROSS_ORIGIN, INTEGRITY, JSON, content_type, file_cache, page_cache
from ..index.browse_layout import POLICY
from ..interfaces import IClient
from ..model import NOTHING
from ..names import (
    BROWSE_PAGE,
    BROWSE_SCRIPT,
    BROWSE_STYLE,
    HTML_PAGE,
    JSON_PAGE,
    PINS,
    PROVENANCE,
    SNAPSHOTS,
    distribution,
    is_distribution,
    normalize,
)
from . import legacy, negotiate, paths
from .host import index_address
from .http_error import Environ, HTTPError, Start, redirect_to, send_file, send_page, send_short
from .landing_page import Figures, LandingPage
from .missing_projects import MissingProjects, project_of_path
from .monitor import Monitor
from .osv_api import OsvApi
from .pages import Pages
from .tree import Tree

#: The names of the pages for people, and of the files that these use.
_BROWSE = frozenset({BROWSE_PAGE, BROWSE_STYLE, BROWSE_SCRIPT})
#: The first segment of the paths of PyPI's Integrity API: ``integrity/<project>/<version>/<file>/provenance``.
_INTEGRITY = "integrity"
_VARY = "Accept, Accept-Encoding"
_HTML_FIRST = (HTML_PAGE, JSON_PAGE)
_JSON_FIRST = (JSON_PAGE, HTML_PAGE)
#: Errors that mean that a path has nothing to serve.
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO})


class App:
    """Serves a tree by WSGI (PEP 3333). Used by several threads at once."""

    def __init__(self, root: str, base_url: str | None = None, figures: Callable[[], Figures | None] = lambda: None,
                 missed: MissingProjects | None = None, final_files: bool = False, clients: Mapping[str, IClient] = NOTHING,
                 metrics: str | None = None, advisories: str | None = None, cross_origin: bool = False):
        """root: a directory. base_url, figures, clients: arguments of the landing page.

        missed: counts requested names that the mirror does not have. final_files: whether upstream never replaces a file.
        metrics: the file that ``/metrics`` sends; None for neither ``/metrics`` nor ``/healthz``.
        advisories: the folder with the database of advisories; None without OSV's API.
        cross_origin: whether web pages of any origin may read the index.
        """
        self._osv = None if advisories is None else OsvApi(advisories)
        self._cross_origin = cross_origin
        self._monitor = None if metrics is None else Monitor(root, metrics)
        self._tree = Tree(root)
        self._page_cache, self._file_cache = page_cache(final_files), file_cache(final_files)
        self._pages = Pages(self._tree)
        self._front = LandingPage(figures, base_url, clients)
        self._base_url = base_url
        self._missed = missed

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if self._cross_origin:
            start = _allow_any_origin(start)
        try:
            if self._osv is not None and self._osv.knows(environ):
                return self._osv(environ, start)
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                raise HTTPError("405 Method Not Allowed", ("Allow", "GET, HEAD"))
            if self._monitor is not None and self._monitor.knows(environ):
                return self._monitor(environ, start)
            return self._route(environ, start)
        except HTTPError as answer:
            return self._send_short(environ, start, answer)
        except PermissionError:
            return send_short(environ, start, HTTPError("403 Forbidden"))
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            return self._send_short(environ, start, HTTPError("404 Not Found"))

    def _send_short(self, environ: Environ, start: Start, answer: HTTPError) -> Iterable[bytes]:
        """Send a response without content from the tree; count the name of a project that is not found."""
        if self._missed is not None and answer.status.startswith("404"):
            name = project_of_path(environ.get("PATH_INFO") or "/")
            if name is not None:
                self._missed.note(name)
        return send_short(environ, start, answer)

    def _route(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Dispatch on the path: the root page, a project's page, or a file."""
        names, folder = paths.parse_path(environ)
        if not names and negotiate.is_browser(environ.get("HTTP_ACCEPT", "")):
            return self._send_landing_page(environ, start)
        parts = _strip_simple(names, folder)
        if not parts:
            return self._send_index_page(environ, start)
        if parts[0] == SNAPSHOTS and len(parts) > 2 and parts[2] == "simple":
            return self._send_from_snapshot(environ, start, parts[:3], parts[3:], folder)
        if not folder and (found := self._send_generated(environ, start, parts)) is not None:
            return found
        if parts[0] == legacy.PACKAGES and len(parts) == 3:
            del parts[0]
        if len(parts) > 1:
            if folder:
                raise HTTPError("404 Not Found")
            return self._send_file(environ, start, [normalize(parts[0]), *parts[1:]])
        return self._send_top_level(environ, start, parts[0], folder)

    def _send_generated(self, environ: Environ, start: Start, parts: list[str]) -> Iterable[bytes] | None:
        """Send what is made from the tree: pages for people, PyPI's JSON, attestations; return None for other paths."""
        if parts[-1] in _BROWSE and len(parts) < 3:
            return self._send_browse_page(environ, start, parts)
        if parts[0] == "pypi" and len(parts) in (3, 4) and parts[-1] == "json":
            return self._send_legacy_json(environ, start, *parts[1:-1])
        if parts[0] == _INTEGRITY and len(parts) == 5 and parts[-1] == "provenance":
            return self._send_provenance(environ, start, parts[1], parts[3])
        return None

    def _send_from_snapshot(self, environ: Environ, start: Start, index: list[str], parts: list[str],
                            folder: bool) -> Iterable[bytes]:
        """Send a page or a file of a snapshot. index: the parts of the path to its index."""
        if not parts:
            if not folder:
                self._tree.check_folder(index)
                raise redirect_to("simple/")
            return self._send_index_page(environ, start, *index)
        if len(parts) > 1 or (not folder and self._tree.is_file([*index, parts[0]])):
            if folder or len(parts) > 2:
                raise HTTPError("404 Not Found")
            project = [normalize(parts[0])] if len(parts) > 1 else []
            return self._send_file(environ, start, [*index, *project, parts[-1]])
        name = normalize(parts[0])
        if not folder:
            self._tree.check_folder([*index, name])
            raise redirect_to(f"{name}/")
        return self._send_index_page(environ, start, *index, name)

    def _send_top_level(self, environ: Environ, start: Start, name: str, folder: bool) -> Iterable[bytes]:
        """Send a file of the root folder, or the page of a project. folder: whether the path ends in a slash."""
        if not folder and self._tree.is_file([name]):
            return self._send_file(environ, start, [name])
        name = normalize(name)
        if not folder:
            self._tree.check_folder([name])
            raise redirect_to(f"{name}/")
        return self._send_index_page(environ, start, name)

    def _send_landing_page(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Send the root page for browsers."""
        path = (HTML_PAGE,)
        root = self._pages.get(path)
        query = parse_qs(environ.get("QUERY_STRING", "")).get("q", [""])[0]
        page = self._front.render_start_page(root, root.content(), index_address(environ, self._base_url), query)
        vary = _VARY if self._base_url else f"{_VARY}, Host"
        return send_page(environ, start, self._tree, page, path, content_type(HTML_PAGE), vary,
                         self._page_cache, ("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'"))

    def _send_browse_page(self, environ: Environ, start: Start, parts: list[str]) -> Iterable[bytes]:
        """Send a page for people, or the style sheet or script of these pages: from the tree or, if it has none, rendered."""
        if parts == [BROWSE_PAGE]:
            return self._send_landing_page(environ, start)
        asset = self._front.asset(parts)
        if asset is not None:
            return send_page(environ, start, self._tree, asset, parts, content_type(parts[0]), "Accept-Encoding",
                             self._page_cache)
        name = normalize(parts[0])
        if len(parts) == 1 or parts[1] != BROWSE_PAGE or self._tree.is_file((name, BROWSE_PAGE)):
            return self._send_file(environ, start, [name, *parts[1:]])
        for form in _JSON_FIRST:
            try:
                source = self._pages.get((name, form))
            except FileNotFoundError:
                continue
            page = self._front.render_project_page(source, self._tree, (name, form))
            if page is not None:
                return send_page(environ, start, self._tree, page, (name, BROWSE_PAGE), content_type(BROWSE_PAGE),
                                 "Accept-Encoding", self._page_cache)
        raise HTTPError("404 Not Found")

    def _send_legacy_json(self, environ: Environ, start: Start, name: str, version: str | None = None) -> Iterable[bytes]:
        """Send PyPI's older JSON about a project or a release."""
        for form in _JSON_FIRST:
            path = (normalize(name), form)
            try:
                source = self._pages.get(path)
            except FileNotFoundError:
                continue
            url = index_address(environ, self._base_url).removesuffix("/simple")
            advisories = None if self._osv is None else self._osv.advisories(path[0])
            page = legacy.render_page(source, self._tree, path, url, version, advisories)
            if page is not None:
                return send_page(environ, start, self._tree, page, path, "application/json", "Accept-Encoding, Host",
                                 self._page_cache)
            break
        raise HTTPError("404 Not Found")

    def _send_provenance(self, environ: Environ, start: Start, name: str, filename: str) -> Iterable[bytes]:
        """Send the attestations of a file at the path of PyPI's Integrity API (PEP 740)."""
        path = (normalize(name), filename + PROVENANCE)
        return send_page(environ, start, self._tree, self._pages.get(path), path, INTEGRITY, "Accept-Encoding",
                         self._file_cache)

    def _send_file(self, environ: Environ, start: Start, path: list[str]) -> Iterable[bytes]:
        """Send a file. path: its parts below the root."""
        if (len(path) > 1 and path[0] not in (PINS, SNAPSHOTS) and not (len(path) == 2 and _is_project_file(path[1]))
                and self._is_project(path[0])):
            raise HTTPError("404 Not Found")
        if path[-1].endswith((".html", "json")):
            return send_page(environ, start, self._tree, self._pages.get(path), path, content_type("/".join(path)),
                             "Accept-Encoding", self._page_cache)
        return send_file(environ, start, self._tree, path, self._page_cache, self._file_cache)

    def _is_project(self, name: str) -> bool:
        """Return whether a folder is that of a project: its page was written by the mirror."""
        if self._tree.is_file((name, JSON_PAGE)):
            return True
        try:
            return b"<!--SERIAL " in self._pages.get((name, HTML_PAGE)).content()[-200:]
        except OSError:
            return False

    def _send_index_page(self, environ: Environ, start: Start, *folder: str) -> Iterable[bytes]:
        """Send a folder's page in the format that the client prefers, or in the only one that the mirror has."""
        kind = negotiate.choose_media_type(environ.get("HTTP_ACCEPT", ""))
        for name in _JSON_FIRST if kind is JSON else _HTML_FIRST:
            path = (*folder, name)
            try:
                page = self._pages.get(path)
            except FileNotFoundError:
                continue
            if kind is negotiate.HTML and name is HTML_PAGE:
                shown = f"{kind}; charset=utf-8"
            else:
                shown = content_type(name)
            return send_page(environ, start, self._tree, page, path, shown, _VARY, self._page_cache)
        raise HTTPError("404 Not Found")


def _allow_any_origin(start: Start) -> Start:
    """Return ``start_response`` with the header that lets web pages of any origin read the answer (Fetch standard, CORS).

    GET with the Accept and Range of clients needs no preflight request.
    """
    def started(status: str, headers: list[tuple[str, str]]) -> Any:
        return start(status, [*headers, CROSS_ORIGIN])

    return started


def _strip_simple(names: Sequence[str], folder: bool) -> list[str]:
    """Return the parts of a path below the index, with or without ``/simple/``; raise the redirect for a missing slash."""
    if not names or names[0] != "simple":
        return list(names)
    if len(names) == 1 and not folder:
        raise redirect_to("simple/")
    if len(names) > 1 and not paths.is_possible_name(names[1]):
        raise HTTPError("404 Not Found")
    return list(names[1:])


def _is_project_file(filename: str) -> bool:
    """Return whether a name can be that of a distribution file, a sidecar file, or a project's page."""
    return filename in _HTML_FIRST or filename == BROWSE_PAGE or is_distribution(distribution(filename))
