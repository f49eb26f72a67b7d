"""The index over HTTP: a WSGI application that serves a mirror's tree.

``/`` and ``/simple/`` are the same index. Any spelling of a project's name means the normalised one. ``/pypi/<name>/json`` and
``/packages/<name>/<file>`` are for mirrors that know PyPI's older ways only; no file of a project lies as deep as that, so that
no project's name stands in the way. Only what is in the tree is served: no names that start with a dot, no symbolic links, no
lists of folders.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs

from ..headers import content_type
from ..names import distribution, is_distribution, normalize
from . import legacy, negotiate
from .answers import Answer, Environ, Start, moved, send_file, send_page, send_short
from .front import Figures, Front, policy
from .missed import Missed
from .missed import project as asked_for
from .pages import Pages

HTML_PAGE = "index.html"
JSON_PAGE = "index.v1_json"

_VARY = "Accept, Accept-Encoding"
_HTML_FIRST = (HTML_PAGE, JSON_PAGE)
_JSON_FIRST = (JSON_PAGE, HTML_PAGE)
#: What says that there is nothing to be had at a path.
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO})


class App:
    """Serves a tree by WSGI (PEP 3333). Used by several threads at once."""

    def __init__(self, root: str, base_url: str | None = None, figures: Callable[[], Figures | None] = lambda: None,
                 missed: Missed | None = None):
        """root: a directory. base_url, figures: what the page for people tells beside, as ``Front`` takes them.

        missed: takes note of names that are not there.
        """
        self._root = os.path.realpath(root)
        self._pages = Pages()
        self._front = Front(figures, base_url)
        self._base_url = base_url
        self._missed = missed

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                raise Answer("405 Method Not Allowed", ("Allow", "GET, HEAD"))
            return self._route(environ, start)
        except Answer as answer:
            return self._short(environ, start, answer)
        except PermissionError:
            return send_short(environ, start, Answer("403 Forbidden"))
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            return self._short(environ, start, Answer("404 Not Found"))

    def _short(self, environ: Environ, start: Start, answer: Answer) -> Iterable[bytes]:
        """Send an answer that is nothing from the tree, and take note of a name that is not there."""
        if self._missed is not None and answer.status.startswith("404"):
            name = asked_for(environ.get("PATH_INFO") or "/")
            if name is not None:
                self._missed.note(name)
        return send_short(environ, start, answer)

    def _route(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Find what the path means: the root, a project's page, or a file."""
        path = environ.get("PATH_INFO") or "/"
        if not path.isascii():
            path = path.encode("latin-1").decode("utf-8", "surrogateescape")
        parts = [part for part in path.split("/") if part]
        for part in parts:
            if part[0] == "." or "\\" in part or not part.isprintable():
                raise Answer("404 Not Found")
        folder = path[-1] == "/"
        if parts and parts[0] == "simple":
            if len(parts) == 1 and not folder:
                raise moved("simple/")
            del parts[0]
        elif not parts and negotiate.is_browser(environ.get("HTTP_ACCEPT", "")):
            return self._for_people(environ, start)
        if not parts:
            return self._page(environ, start, self._root)
        if parts[0] == legacy.PACKAGES and len(parts) == 3:
            del parts[0]
        elif parts[0] == "pypi" and len(parts) in (3, 4) and parts[-1] == "json":
            return self._legacy(environ, start, *parts[1:-1])
        if len(parts) == 1 and not folder and os.path.isfile(os.path.join(self._root, parts[0])):
            return self._file(environ, start, parts)
        parts[0] = normalize(parts[0])
        if len(parts) == 1:
            project = os.path.join(self._root, parts[0])
            self._check_folder(project)
            if not folder:
                raise moved(f"{parts[0]}/")
            return self._page(environ, start, project)
        if folder:
            raise Answer("404 Not Found")
        return self._file(environ, start, parts)

    def _for_people(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer with the root page as people like it."""
        path = os.path.join(self._root, HTML_PAGE)
        root = self._pages.get(path)
        query = parse_qs(environ.get("QUERY_STRING", "")).get("q", [""])[0]
        page = self._front.page(root, root.text(), _address(environ), query)
        return send_page(environ, start, page, path, content_type(HTML_PAGE), _VARY, ("Content-Security-Policy", policy()))

    def _legacy(self, environ: Environ, start: Start, name: str, version: str | None = None) -> Iterable[bytes]:
        """Answer with PyPI's older JSON about a project, or about one release."""
        folder = os.path.join(self._root, normalize(name))
        self._check_folder(folder)
        for form in _JSON_FIRST:
            path = os.path.join(folder, form)
            try:
                source = self._pages.get(path)
            except FileNotFoundError:
                continue
            page = legacy.page(source, path, legacy.same_host(self._base_url, _address(environ)), version)
            if page is not None:
                return send_page(environ, start, page, path, "application/json", "Accept-Encoding, Host")
            break
        raise Answer("404 Not Found")

    def _file(self, environ: Environ, start: Start, parts: list[str]) -> Iterable[bytes]:
        """Answer for a file by its path below the root."""
        path = self._root
        for part in parts[:-1]:
            path = os.path.join(path, part)
            self._check_folder(path)
        if len(parts) > 1 and not (len(parts) == 2 and _is_of_project(parts[1])) and self._is_project(parts[0]):
            raise Answer("404 Not Found")
        path = os.path.join(path, parts[-1])
        if path.endswith((".html", "json")):
            return send_page(environ, start, self._pages.get(path), path, content_type(path), "Accept-Encoding")
        return send_file(environ, start, path)

    def _is_project(self, name: str) -> bool:
        """Whether a folder holds a page of ours, and so nothing but a project."""
        folder = os.path.join(self._root, name)
        if os.path.isfile(os.path.join(folder, JSON_PAGE)):
            return True
        try:
            return b"<!--SERIAL " in self._pages.get(os.path.join(folder, HTML_PAGE)).text()[-200:]
        except OSError:
            return False

    def _check_folder(self, path: str) -> None:
        """Raise FileNotFoundError unless a real folder lies there, no symbolic link."""
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise FileNotFoundError(errno.ENOENT, "no folder", path)

    def _page(self, environ: Environ, start: Start, folder: str) -> Iterable[bytes]:
        """Answer with a folder's page in the form that the client asks for, or in the only one that the mirror writes."""
        kind = negotiate.media_type(environ.get("HTTP_ACCEPT", ""))
        for name in _JSON_FIRST if kind is negotiate.JSON else _HTML_FIRST:
            path = os.path.join(folder, name)
            try:
                page = self._pages.get(path)
            except FileNotFoundError:
                continue
            if kind is negotiate.HTML and name is HTML_PAGE:
                shown = f"{kind}; charset=utf-8"
            else:
                shown = content_type(name)
            return send_page(environ, start, page, path, shown, _VARY)
        raise Answer("404 Not Found")


def _is_of_project(filename: str) -> bool:
    """Whether a name can be that of a project's file, of what lies beside one, or of its page."""
    return filename in _HTML_FIRST or is_distribution(distribution(filename))


def _address(environ: Environ) -> str:
    """Give the address that the client reached us by."""
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}{environ.get('SCRIPT_NAME', '')}"
