"""A local directory as upstream: an index if its root has an index page, else a flat directory of distributions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import BinaryIO

from zope.interface import implementer

from ..errors import FetchError, InvalidPage, ProjectNotFound
from ..http.file_urls import inside, path_of, tree_of, url_of
from ..interfaces import IMirror, IParser, ISource, IUpstream
from ..model import File, Project, ProjectList
from ..names import PAGES, normalize
from ..regular_file import open_regular
from .flat_directory import FlatDirectorySource
from .validation import bounded

_BLOCK = 1 << 18


@implementer(ISource)
class DirectorySource:
    """Detects the kind of the directory on first use."""

    def __init__(self, upstream: IUpstream, mirror: IMirror):
        self._upstream, self._mirror = upstream, mirror
        self._root = path_of(upstream.url)

    def listing(self, wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        return self._source.listing(wanted, etag, written)

    def project(self, name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        return self._source.project(name, etag, since)

    @cached_property
    def _source(self) -> ISource:
        if not os.path.isdir(self._root):
            raise FetchError(self._root, "no such directory")
        if _page(self._root) is not None:
            return IndexFolder(self._root, self._mirror.parsers)
        heap = FlatDirectorySource(self._upstream, self._mirror)
        if not heap.listing(lambda name: True).total:
            # Probably a file system that is not mounted.
            raise FetchError(self._root, "holds neither an index nor any distribution")
        return heap


@implementer(ISource)
class IndexFolder:
    """An index with one folder per project, such as the tree of a mirror or of bandersnatch (``web/simple``)."""

    def __init__(self, root: str, parsers: Mapping[str, IParser]):
        self._root = root
        self._parsers = parsers
        self._tree = tree_of(root)

    def listing(self, wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        path = _page(self._root)
        if path is None:
            raise FetchError(self._root, "its index page is missing")
        with _open_page(path, self._tree) as stream:
            tag = _tag(stream.fileno())
            if etag == tag:
                return ProjectList({}, etag=etag, unchanged=True)
            reader = self._parser(path).listing(wanted, written)
            while block := stream.read(_BLOCK):
                reader.write(block)
        try:
            return reader.finish()._replace(etag=tag)
        except InvalidPage as error:
            raise InvalidPage(f"{path}: {error}") from error

    def project(self, name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        folder = self._folders.get(name)
        path = _page(os.path.join(self._root, folder)) if folder is not None else None
        if path is None:
            if _page(self._root) is None:
                raise FetchError(self._root, "its index page is missing")
            raise ProjectNotFound(f"{self._root}: no page for {name}")
        with _open_page(path, self._tree) as stream:
            tag = _tag(stream.fileno())
            if etag == tag:
                return None, ()
            body = stream.read()
        url = url_of(os.path.dirname(path)) + "/"
        try:
            project, problems = self._parser(path).project(body, name, url)
        except InvalidPage as error:
            raise InvalidPage(f"{path}: {error}") from error
        files, refused = [], []
        for file in project.files:
            try:
                files.append(self._with_size(file))
            except FetchError as error:
                refused.append(f"{file.filename}: {error.url} is {error.why}")
        return project._replace(files=tuple(files), etag=tag, url=url), bounded([*problems, *refused])

    @cached_property
    def _folders(self) -> Mapping[str, str]:
        """Folder names by normalised project name; a folder of the normalised name takes precedence."""
        with os.scandir(self._root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
        return {normalize(name): name for name in names} | {name: name for name in names if name == normalize(name)}

    def _with_size(self, file: File) -> File:
        """Return a file with its size. Raises FetchError if it is outside of the index's tree."""
        if not file.url.startswith("file:"):
            return file
        path = path_of(file.url)
        inside(path, (self._tree,))
        if file.size is None and os.path.isfile(path):
            return file._replace(size=os.path.getsize(path))
        return file

    def _parser(self, path: str) -> IParser:
        return self._parsers[PAGES[os.path.basename(path)]]


def _page(folder: str) -> str | None:
    """Return the path of a folder's page in the preferred format, or None."""
    paths = (os.path.join(folder, name) for name in PAGES)
    return next((path for path in paths if os.path.isfile(path)), None)


@contextmanager
def _open_page(path: str, tree: str) -> Iterator[BinaryIO]:
    """Open a page. Raises FetchError if it can't be read, or is a symbolic link that leads out of the tree."""
    inside(path, (tree,))
    try:
        with open_regular(path) as stream:
            yield stream
    except OSError as error:
        raise FetchError(path, error.strerror or str(error)) from error


def _tag(handle: int) -> str:
    """Return an ETag of an open page: time, size and inode."""
    status = os.fstat(handle)
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
