"""A directory of distributions without an index, flat or with subfolders: pages are generated from the files."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
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
from ..regular_file import check_kind, open_regular
from . import validation
from .project_names import guess_project

_BLOCK = 1 << 20
#: Maximum length of a path in a message.
_LONGEST = 500
_SEPARATORS = re.compile(r"[-_.+]+")
#: Python refuses to read numbers of more than 4,300 digits.
_METADATA_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


class _Found(NamedTuple):
    """A file of the directory."""

    #: Relative to the directory.
    path: str
    size: int
    #: Time of modification in nanoseconds; with the inode it detects changes.
    modified: int
    inode: int


class _Scan(NamedTuple):
    """The content of the directory."""

    #: By normalised name of the project.
    projects: Mapping[str, list[_Found]]
    problems: tuple[str, ...]


class _Facts(NamedTuple):
    """The facts that a file contains about itself."""

    file: File
    #: The project's name as in the metadata, or empty.
    display: str


class _Refused(ValueError):
    """A file is invalid and left out; the message is the reason."""


@implementer(ISource)
class FlatDirectorySource:
    """Lists distributions by project, with sha256 and core metadata read from the files.

    Ignores hidden folders, and symbolic links that lead out of the directory.
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
            raise ProjectNotFound(f"{self._root}: no distribution of {name}")
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
                self._scanned = self._read_all()
            return self._scanned

    def _read_all(self) -> _Scan:
        projects: dict[str, list[_Found]] = {}
        problems = []
        for path in sorted(self._paths()):
            name = os.path.basename(path)
            try:
                project = guess_project(name, partial(self._metadata_name, path, name))
                if project is None or not is_distribution(name):
                    raise _Refused("the project can't be determined from its name")
                # A project is listed even if none of its files can be read, so that no other index supplies its name.
                files = projects.setdefault(project, [])
                files.append(self._stat_file(path))
            except _Refused as refused:
                problems.append(f"{shown(os.path.join(self._root, path), _LONGEST)}: {refused}")
        return _Scan(projects, validation.bounded(problems))

    def _paths(self) -> Iterator[str]:
        """Yield the paths of all files with a distribution's suffix, relative to the directory. Raises FetchError."""

        def failed(error: OSError) -> None:
            raise FetchError(error.filename or self._root, error.strerror or str(error)) from error

        for folder, folders, files in os.walk(self._root, onerror=failed):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.endswith(SUFFIXES) and not name.startswith("."):
                    yield os.path.relpath(os.path.join(folder, name), self._root)

    def _stat_file(self, path: str) -> _Found:
        full = os.path.join(self._root, path)
        try:
            inside(full, (self._root,))
            status = os.stat(full)
            check_kind(status)
        except FetchError as error:
            raise _Refused("a symbolic link that leads out of the directory") from error
        except OSError as error:
            raise _Refused(error.strerror or str(error)) from error
        return _Found(path, status.st_size, status.st_mtime_ns, status.st_ino)

    def _metadata_name(self, path: str, filename: str) -> str | None:
        """Return the project name in the file's core metadata; errors of a broken file are reported later, by ``_read``."""
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
            _check_agreement(filename, project, display, _first(facts, "version") or "")
        given = body is not None and _is_final(filename, facts)
        return _Facts(File(
            filename=filename,
            url=url_of(full),
            hashes={"sha256": sha256},
            size=found.size,
            requires_python=validation.line(_first(facts, "requires-python")),
            core_metadata={"sha256": hashlib.sha256(body or b"").hexdigest()} if given else False,
        ), display)


def _check_agreement(filename: str, project: str, name: str, version: str) -> None:
    """Raise _Refused if the name or version in a file's metadata differ from its file name."""
    written = parse(filename, project).version
    if normalize(name) != project or written is None or not _is_same_version(written, version):
        found = f"{shown(name)} {shown(version)}".strip() or "neither name nor version"
        raise _Refused(f"its name does not match its metadata: {found}")


def _is_same_version(one: str, other: str) -> bool:
    """Whether two strings are the same version; file names escape separators of versions in several ways."""
    return release(one) == release(other) or _SEPARATORS.sub("-", one).lower() == _SEPARATORS.sub("-", other).lower()


def _is_final(filename: str, facts: Mapping[str, list[str]]) -> bool:
    """Whether a file's core metadata are final (PEP 658): those of wheels, and of sdists without dynamic fields (PEP 643)."""
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
    with open_regular(path) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _tag(files: Iterator[_Found] | list[_Found]) -> str:
    """Return an ETag of files."""
    return hashlib.sha256("\n".join(map(repr, files)).encode("utf-8", "surrogateescape")).hexdigest()[:20]
