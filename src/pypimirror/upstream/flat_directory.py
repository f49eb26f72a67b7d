"""A directory of distributions without an index, flat or in folders: the pages are made from the files themselves."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from zope.interface import implementer

from ..errors import FetchError, ProjectNotFound
from ..http.file_urls import inside, path_of, url_of
from ..interfaces import IMirror, ISource, IUpstream
from ..metadata import archives, core_metadata
from ..metadata.errors import InvalidContent
from ..metadata.filenames import parse, release
from ..model import File, ListedProject, Project, ProjectList
from ..names import SUFFIXES, is_distribution, normalize, shown
from . import validation
from .project_names import owner

_BLOCK = 1 << 20
#: Characters of a path in a message.
_LONGEST = 500
_SEPARATORS = re.compile(r"[-_.+]+")
#: Python refuses to read numbers of more than 4,300 digits.
_METADATA_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


class _Found(NamedTuple):
    """One file as it lies there."""

    #: Relative to the directory.
    path: str
    size: int
    #: What changes when the file does, besides its size.
    modified: int
    inode: int


class _Scan(NamedTuple):
    """What lies in the directory."""

    #: By normalised name of the project.
    projects: Mapping[str, list[_Found]]
    problems: tuple[str, ...]


class _Facts(NamedTuple):
    """What a file says of itself."""

    file: File
    #: The project's name as registered, or an empty text.
    display: str


class _Refused(ValueError):
    """A file is left out; the message says why."""


@implementer(ISource)
class FlatDirectorySource:
    """Lists what lies there by project. A file counts with the sha256 and the core metadata that it has.

    What lies in folders whose name begins with a dot is passed over, and so are symbolic links that lead out of the directory.
    """

    def __init__(self, upstream: IUpstream, mirror: IMirror):
        self._root = path_of(upstream.url)
        self._lock = threading.Lock()
        self._scanned: _Scan | None = None

    def listing(self, wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        scan = self._scan()
        whole = _tag(found for name in sorted(scan.projects) for found in scan.projects[name])
        if etag == whole:
            return ProjectList({}, etag=etag, unchanged=True, problems=scan.problems)
        projects = {name: ListedProject("", _tag(files)) for name, files in scan.projects.items() if wanted(name)}
        return ProjectList(projects, len(scan.projects), whole, serials=True, problems=scan.problems)

    def project(self, name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        found = self._scan().projects.get(name)
        if found is None:
            raise ProjectNotFound(f"{self._root}: nothing of {name} lies there")
        tag = _tag(found)
        if etag == tag:
            return None, ()
        files, problems, display = [], [], ""
        for each in found:
            try:
                facts = self._read(each, name)
                files.append(facts.file)
                display = facts.display or display
            except _Refused as refused:
                problems.append(f"{shown(each.path, _LONGEST)}: {refused}")
        kept, repeated = validation.distinct(files)
        project = Project(name, kept, display, tag, tag, url=url_of(self._root) + "/")
        return project, validation.bounded(problems + repeated)

    def _scan(self) -> _Scan:
        with self._lock:
            if self._scanned is None:
                self._scanned = self._look_around()
            return self._scanned

    def _look_around(self) -> _Scan:
        projects: dict[str, list[_Found]] = {}
        problems = []
        for path in sorted(self._paths()):
            name = os.path.basename(path)
            try:
                project = owner(name, lambda path=path, name=name: self._told(path, name))  # type: ignore[misc]
                if project is None or not is_distribution(name):
                    raise _Refused("its name does not tell which project's distribution it is")
                projects.setdefault(project, []).append(self._found(path))
            except _Refused as refused:
                problems.append(f"{shown(os.path.join(self._root, path), _LONGEST)}: {refused}")
        return _Scan(projects, validation.bounded(problems))

    def _paths(self) -> Iterator[str]:
        """Give the paths of all that is called like a distribution, relative to the directory. Raises FetchError."""

        def failed(error: OSError) -> None:
            raise FetchError(error.filename or self._root, error.strerror or str(error)) from error

        for folder, folders, files in os.walk(self._root, onerror=failed):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.endswith(SUFFIXES) and not name.startswith("."):
                    yield os.path.relpath(os.path.join(folder, name), self._root)

    def _found(self, path: str) -> _Found:
        full = os.path.join(self._root, path)
        try:
            inside(full, (self._root,))
            status = os.stat(full)
        except FetchError as error:
            raise _Refused("a symbolic link that leads out of the directory") from error
        except OSError as error:
            raise _Refused(error.strerror or str(error)) from error
        return _Found(path, status.st_size, status.st_mtime_ns, status.st_ino)

    def _told(self, path: str, filename: str) -> str | None:
        """Give the name of the project that the file's core metadata have; a broken file is told of when it is read."""
        try:
            return _first(_fields(archives.core_metadata(os.path.join(self._root, path))), "name")
        except InvalidContent:
            return None

    def _read(self, found: _Found, project: str) -> _Facts:
        full = os.path.join(self._root, found.path)
        filename = os.path.basename(full)
        try:
            archives.check(full)
            body = archives.core_metadata(full)
            facts = _fields(body)
            sha256 = _sha256(full)
        except InvalidContent as error:
            raise _Refused(f"a broken archive: {error}") from error
        except OSError as error:
            raise _Refused(error.strerror or str(error)) from error
        display = _first(facts, "name") or ""
        if body is not None:
            _agree(filename, project, display, _first(facts, "version") or "")
        given = body is not None and _is_final(filename, facts)
        return _Facts(File(
            filename=filename,
            url=url_of(full),
            hashes={"sha256": sha256},
            size=found.size,
            requires_python=validation.line(_first(facts, "requires-python")),
            core_metadata={"sha256": hashlib.sha256(body or b"").hexdigest()} if given else False,
        ), display)


def _agree(filename: str, project: str, name: str, version: str) -> None:
    """Raise _Refused if a file is not of the release that its name says."""
    written = parse(filename, project).version
    if normalize(name) != project or written is None or not _same(written, version):
        told = f"{shown(name)} {shown(version)}".strip() or "neither name nor version"
        raise _Refused(f"its name is not that of what is in it, {told}")


def _same(one: str, other: str) -> bool:
    """Whether two texts are one version. File names escape what separates parts of a version in several ways."""
    return release(one) == release(other) or _SEPARATORS.sub("-", one).lower() == _SEPARATORS.sub("-", other).lower()


def _is_final(filename: str, facts: Mapping[str, list[str]]) -> bool:
    """Whether installing a file leaves its core metadata alone (PEP 658): all wheels, and sdists that say so (PEP 643)."""
    if filename.endswith(".whl"):
        return True
    version = _METADATA_VERSION.fullmatch(_first(facts, "metadata-version") or "")
    return (not filename.endswith(".egg") and "dynamic" not in facts and version is not None
            and (int(version[1]), int(version[2])) >= (2, 2))


def _fields(body: bytes | None) -> Mapping[str, list[str]]:
    return core_metadata.fields(body) if body is not None else {}


def _first(facts: Mapping[str, list[str]], field: str) -> str | None:
    return next(iter(facts.get(field, ())), None)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _tag(files: Iterator[_Found] | list[_Found]) -> str:
    """Give a short text that changes when any of the files does."""
    return hashlib.sha256("\n".join(map(repr, files)).encode("utf-8", "surrogateescape")).hexdigest()[:20]
