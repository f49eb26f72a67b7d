"""The mirror as clients see it: its published pages and files, read from its storage or by HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple, cast

from zope.interface import implementer

from ..errors import InvalidPage, ProjectNotFound
from ..http.page import read
from ..http.retry import check
from ..http.urls import strip_credentials
from ..interfaces import IMirror, IReceiver
from ..metadata.archives import MAX_METADATA, wheel_metadata
from ..metadata.errors import InvalidContent
from ..model import File, Head, Project, Upstream
from ..names import METADATA, PAGES, normalize
from ..pins.sdist import Sdist, read_sdist
from ..upstream.http import HttpSource

#: Bytes of a file that is read by HTTP: in memory, and on disk.
_IN_MEMORY, _LARGEST = 8 << 20, 2 << 30


class Backend(NamedTuple):
    """Where pages and files come from."""

    #: Returns a project by its normalised name. Raises ProjectNotFound, MirrorError.
    project: Callable[[str], Project]
    #: Return a file, and its metadata file or None. Raise MirrorError.
    open: Callable[[str, File], BinaryIO]
    metadata: Callable[[str, File], bytes | None]
    #: Whether files are read without transfers.
    is_local: bool


class MirrorView:
    """Projects, core metadata and sdists of the mirror (``pypimirror.pins.dependencies.ReleaseSource``), each read once."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._projects: dict[str, Project | None] = {}
        self._owners: dict[str, str] = {}
        self._sdists: dict[str, Sdist | None] = {}
        self._metadata: dict[str, bytes | None] = {}
        self.is_local = backend.is_local

    def project(self, name: str) -> Project | None:
        """Return a project by any spelling of its name, or None if the mirror does not have it. Raises MirrorError."""
        name = normalize(name)
        if name not in self._projects:
            try:
                self._projects[name] = found = self._backend.project(name)
            except ProjectNotFound:
                self._projects[name] = None
            else:
                self._owners.update((file.filename, name) for file in found.files)
        return self._projects[name]

    def releases(self, name: str) -> Sequence[File]:
        found = self.project(name)
        return () if found is None or found.quarantined else found.files

    def metadata(self, file: File) -> bytes | None:
        if file.filename not in self._metadata:
            found = self._backend.metadata(self._owners[file.filename], file) if file.core_metadata else None
            if found is None:
                with self.open(file) as stream:
                    found = wheel_metadata(stream)
            self._metadata[file.filename] = found
        return self._metadata[file.filename]

    def sdist(self, file: File) -> Sdist | None:
        if file.filename not in self._sdists:
            with self.open(file) as stream:
                self._sdists[file.filename] = read_sdist(stream, file.filename)
        return self._sdists[file.filename]

    def open(self, file: File) -> BinaryIO:
        """Open a file of a project that was read before. Raises MirrorError."""
        return self._backend.open(self._owners[file.filename], file)


def view_of_storage(mirror: IMirror) -> MirrorView:
    """Return the view of a mirror's own directory or bucket."""

    def project(name: str) -> Project:
        for page, media_type in PAGES.items():
            body = mirror.storage.read(f"{name}/{page}")
            if body is not None:
                return mirror.parsers[media_type].project(body, name, f"file:///{name}/")[0]
        raise ProjectNotFound(f"{mirror.settings['mirror_file_path']}: no page for {name}")

    def opened(name: str, file: File) -> BinaryIO:
        path = f"{name}/{file.filename}"
        if mirror.storage.size(path) is None:
            raise InvalidContent(f"{path}: the page lists it, and it is missing; run verify --repair")
        return mirror.storage.open(path)

    def metadata(name: str, file: File) -> bytes | None:
        return mirror.storage.read(f"{name}/{file.filename}{METADATA}")

    return MirrorView(Backend(project, opened, metadata, True))


def view_of_url(url: str, mirror: IMirror) -> MirrorView:
    """Return the view of an index server. mirror: for the fetcher and the parsers."""
    source = HttpSource(Upstream(strip_credentials(url)), mirror)

    def project(name: str) -> Project:
        found, _ = source.project(name)
        assert found is not None, "without an ETag the page is read"
        return found

    def metadata(name: str, file: File) -> bytes | None:
        head, body = mirror.attempts(lambda: read(mirror.fetcher, file.url + METADATA, {}, MAX_METADATA))
        return body if head.status == 200 else None

    return MirrorView(Backend(project, lambda name, file: _download(file.url, mirror), metadata, False))


def _download(url: str, mirror: IMirror) -> BinaryIO:
    """Fetch a file into a temporary one. Raises FetchError."""

    def attempt() -> BinaryIO:
        stream = cast(BinaryIO, tempfile.SpooledTemporaryFile(_IN_MEMORY))
        try:
            check(mirror.fetcher.fetch(url, _ViewBody(stream, url)), url)
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
        return stream

    return mirror.attempts(attempt)


@implementer(IReceiver)
class _ViewBody:
    """Writes a body to a file."""

    def __init__(self, stream: BinaryIO, url: str):
        self._stream, self._url, self._size = stream, url, 0

    def start(self, head: Head) -> None:
        self._stream.seek(0)
        self._stream.truncate()
        self._size = 0

    def write(self, block: bytes) -> None:
        self._size += len(block)
        if self._size > _LARGEST:
            raise InvalidPage(f"{strip_credentials(self._url)}: larger than {_LARGEST >> 30} GB")
        self._stream.write(block)


