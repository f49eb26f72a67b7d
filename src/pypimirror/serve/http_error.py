"""Responses: pages, plain or compressed; files or byte ranges; one line for errors and redirects."""

from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from typing import Any, BinaryIO

from ..http.content_types import PAGE_CACHE, PLAIN, content_type
from . import conditions, negotiate
from .pages import Page, etag_of, file_signature
from .tree import Tree

Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]

_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
_BLOCK = 256 << 10


class HTTPError(Exception):
    """Ends a request with a status and a one-line body."""

    def __init__(self, status: str, *headers: tuple[str, str]):
        super().__init__(status)
        self.status = status
        self.headers = headers


def redirect_to(location: str) -> HTTPError:
    """Return a redirect to another path. location: relative, so that it is valid behind any proxy."""
    return HTTPError("301 Moved Permanently", ("Location", location), ("Cache-Control", PAGE_CACHE))


def send_short(environ: Environ, start: Start, answer: HTTPError) -> Iterable[bytes]:
    """Send a status with a one-line body."""
    body = f"{answer.status}\n".encode()
    start(answer.status, [*answer.headers, ("Content-Type", PLAIN), ("Content-Length", str(len(body))), _NO_SNIFFING])
    return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)


def send_page(environ: Environ, start: Start, tree: Tree, page: Page, path: Sequence[str], kind: str, vary: str,
              cache: str, *more: tuple[str, str]) -> Iterable[bytes]:
    """Send a page, compressed if the client accepts gzip.

    path: its parts in the tree. kind: the content type. vary: the request headers that select the body. cache: the
    ``Cache-Control`` header. more: additional headers.
    """
    packed = negotiate.takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    etag = page.packed_etag if packed else page.etag
    headers = [("Cache-Control", cache), ("ETag", etag), ("Last-Modified", page.date), ("Vary", vary), *more]
    if page.serial is not None:
        headers.append(("X-PyPI-Last-Serial", page.serial))
    if conditions.is_unchanged(environ, etag, page.modified):
        start("304 Not Modified", headers)
        return ()
    body = page.packed if packed else page.body
    headers += [("Content-Type", kind), _NO_SNIFFING, ("Content-Length", str(page.size if body is None else len(body)))]
    if packed:
        headers.append(("Content-Encoding", "gzip"))
    if environ["REQUEST_METHOD"] == "HEAD":
        start("200 OK", headers)
        return ()
    if body is not None:
        start("200 OK", headers)
        return (body,)
    stream, found = tree.open(path)
    if file_signature(found) != page.signature:
        # The page was replaced in the meantime; headers and body must be of one version. A retry succeeds.
        stream.close()
        raise HTTPError("503 Service Unavailable", ("Retry-After", "1"))
    start("200 OK", headers)
    return _wrap_file(environ, stream)


def send_file(environ: Environ, start: Start, tree: Tree, path: Sequence[str], text_cache: str,
              file_cache: str) -> Iterable[bytes]:
    """Send a file, or the requested range of it. Raises OSError if it can't be opened.

    path: its parts in the tree. text_cache, file_cache: the ``Cache-Control`` header for text files and for distribution files.
    """
    kind = content_type("/".join(path))
    stream, found = tree.open(path)
    sent = False
    try:
        etag, size = etag_of(found), found.st_size
        headers = [("Cache-Control", text_cache if kind is PLAIN else file_cache), ("ETag", etag),
                   ("Last-Modified", formatdate(found.st_mtime, usegmt=True)), ("Accept-Ranges", "bytes")]
        if conditions.is_unchanged(environ, etag, found.st_mtime):
            start("304 Not Modified", headers)
            return ()
        part = conditions.byte_range(environ, size, etag, found.st_mtime)
        first, end = part or (0, size)
        if part and first >= end:
            raise HTTPError("416 Range Not Satisfiable", ("Content-Range", f"bytes */{size}"))
        headers += [("Content-Type", kind), _NO_SNIFFING, ("Content-Length", str(end - first))]
        if part:
            headers.append(("Content-Range", f"bytes {first}-{end - 1}/{size}"))
        start("206 Partial Content" if part else "200 OK", headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            return ()
        stream.seek(first)
        sent = True
        return _wrap_file(environ, stream)
    finally:
        if not sent:
            stream.close()


def _wrap_file(environ: Environ, stream: BinaryIO) -> Iterable[bytes]:
    """Pass the file to the server, which closes it and sends at most Content-Length bytes."""
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](stream, _BLOCK)
    return wrapped
