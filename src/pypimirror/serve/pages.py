"""Caches the pages of the index until they change."""

import gzip
import hashlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from email.utils import formatdate
from typing import NamedTuple

from .tree import Tree

#: Bytes of pages kept in memory.
_ROOM = 64 << 20
#: Pages above so many bytes (lists of very many projects) are kept packed only.
_LARGE = 4 << 20
_HTML_SERIAL = re.compile(rb"<!--\s*SERIAL (\d+)\s*-->")
_JSON_SERIAL = re.compile(rb'"meta"\s*:\s*\{[^{}]*"_last-serial"\s*:\s*(\d+)')

Signature = tuple[int, int, int]


class Page(NamedTuple):
    """One page as it was when it was read."""

    signature: Signature
    #: Quoted; that of the compressed form ends in ``-gz``.
    etag: str
    packed_etag: str
    #: Seconds since the epoch, and the same as an HTTP date.
    modified: float
    date: str
    #: The serial that the page carries, or None.
    serial: str | None
    #: Bytes.
    size: int
    #: None for a large page, which is read from its file for each request.
    body: bytes | None
    packed: bytes

    def content(self) -> bytes:
        """Return the content of the page."""
        return gzip.decompress(self.packed) if self.body is None else self.body


class Pages:
    """Returns pages by the parts of their paths. Used by several threads at once."""

    def __init__(self, tree: Tree, room: int = _ROOM):
        self._tree = tree
        self._room = room
        self._used = 0
        self._lock = threading.Lock()
        self._pages: OrderedDict[tuple[str, ...], Page] = OrderedDict()

    def get(self, path: Sequence[str]) -> Page:
        """Return the current page. Raises OSError."""
        key = tuple(path)
        seen = self._tree.stat(key)
        page = self._pages.get(key)
        if page is None or page.signature != file_signature(seen):
            page = _read_page(self._tree, key)
            self._keep_page(key, page)
        return page

    def _keep_page(self, path: tuple[str, ...], page: Page) -> None:
        with self._lock:
            self._used += _memory_of(page) - _memory_of(self._pages.pop(path, None))
            self._pages[path] = page
            # First in, first out: no bookkeeping for each request, and a page that is requested again is simply reloaded.
            while self._used > self._room and self._pages:
                self._used -= _memory_of(self._pages.popitem(last=False)[1])


def file_signature(found: os.stat_result) -> Signature:
    """Return a value that differs between versions of a file; pages are replaced atomically, so the inode changes too."""
    return found.st_mtime_ns, found.st_size, found.st_ino


def etag_of(found: os.stat_result) -> str:
    """Return the ETag of a file, which is the same on all hosts with the same copy."""
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'


def with_body(page: Page, body: bytes) -> Page:
    """Return a copy of a page with another body and its ETags; the modification time stays."""
    digest = hashlib.sha256(body).hexdigest()[:32]
    return page._replace(etag=f'"{digest}"', packed_etag=f'"{digest}-gz"', size=len(body), body=body,
                         packed=gzip.compress(body, 6, mtime=0))


def _read_page(tree: Tree, path: Sequence[str]) -> Page:
    """Return the page in a file. Raises OSError."""
    stream, found = tree.open(path)
    with stream:
        body = stream.read()
    etag = etag_of(found)
    serial = (_JSON_SERIAL if path[-1].endswith("json") else _HTML_SERIAL).search(body)
    return Page(file_signature(found), etag, etag[:-1] + '-gz"', found.st_mtime, formatdate(found.st_mtime, usegmt=True),
                serial[1].decode() if serial else None, len(body), body if len(body) <= _LARGE else None,
                gzip.compress(body, 6, mtime=0))


def _memory_of(page: Page | None) -> int:
    return len(page.packed) + len(page.body or b"") if page else 0
