"""The index over HTTP: a WSGI application that serves a mirror's tree.

``/`` and ``/simple/`` are the same index. Any spelling of a project's name leads to the normalised one. Only what is in the
tree is served: no names that start with a dot, no symbolic links, no lists of folders.
"""

import errno
import os
import stat
from collections.abc import Iterable
from urllib.parse import quote

from ..names import normalize
from . import negotiate
from .answers import Answer, Environ, Start, content_type, moved, send_file, send_page, send_short
from .pages import Pages

HTML_PAGE = "index.html"
JSON_PAGE = "index.v1_json"

_HTML_FIRST = (HTML_PAGE, JSON_PAGE)
_JSON_FIRST = (JSON_PAGE, HTML_PAGE)
#: What says that there is nothing to be had at a path.
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO})


class App:
    """Serves the tree under ``root``, a directory, by WSGI (PEP 3333). Used by several threads at once."""

    def __init__(self, root: str):
        self._root = os.path.realpath(root)
        self._pages = Pages()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                raise Answer("405 Method Not Allowed", ("Allow", "GET, HEAD"))
            return self._route(environ, start)
        except Answer as answer:
            return send_short(environ, start, answer)
        except PermissionError:
            return send_short(environ, start, Answer("403 Forbidden"))
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            return send_short(environ, start, Answer("404 Not Found"))

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
        if not parts:
            return self._page(environ, start, self._root)
        if len(parts) == 1:
            return self._project(environ, start, parts[0], folder)
        if folder:
            raise Answer("404 Not Found")
        return self._file(environ, start, parts)

    def _project(self, environ: Environ, start: Start, name: str, folder: bool) -> Iterable[bytes]:
        """Answer for the one part of a path below the root: a project in any spelling, or a file beside the root page."""
        path = os.path.join(self._root, name)
        normal = normalize(name)
        if folder and name == normal:
            self._check_folder(path)
            return self._page(environ, start, path)
        if not folder and os.path.isfile(path):
            return self._file(environ, start, [name])
        self._check_folder(os.path.join(self._root, normal))
        raise moved(f"../{normal}/" if folder else f"{normal}/")

    def _file(self, environ: Environ, start: Start, parts: list[str]) -> Iterable[bytes]:
        """Answer for a file by its path; a project's folder in another spelling leads to the normalised one."""
        path = self._root
        name, *rest = parts
        normal = normalize(name)
        if rest and name != normal:
            self._check_folder(os.path.join(path, normal))
            raise moved("../" * len(rest) + "/".join([normal, *map(quote, rest)]))
        for part in parts:
            if path != self._root:
                self._check_folder(path)
            path = os.path.join(path, part)
        if path.endswith((".html", "json")):
            return send_page(environ, start, self._pages.get(path), path, content_type(path), "Accept-Encoding")
        return send_file(environ, start, path)

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
            return send_page(environ, start, page, path, shown, "Accept, Accept-Encoding")
        raise Answer("404 Not Found")
