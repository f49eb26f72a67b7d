"""Second step of an import: checks every file of the bundle, and keeps what the mirror does not have. Publishes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from ..errors import InvalidBundle
from ..interfaces import IRunContext
from ..model import Project
from ..names import HTML_PAGE, PINS, distribution, is_distribution, normalize, shown
from ..pins.pin_files import is_pin_name
from ..state import records
from ..state.database import State
from ..sync.brake import Removals
from . import shipped
from .advisories import IncomingAdvisories
from .incoming import Incoming
from .manifest import Manifest
from .model import RECORDS, BundleMember, End, PartLine, ProjectLine, RemovedPath, RemovedProject, advisory_id
from .part_reader import PartReader, open_part

_BLOCK = 1 << 20


class Staging:
    """Reads the parts once, side by side with the manifest."""

    def __init__(self, mirror: IRunContext, state: State, manifest: Manifest, folder: str, incoming: Incoming,
                 advisories: IncomingAdvisories):
        """folder: of the parts."""
        self._advisories = advisories
        self._mirror, self._state, self._manifest = mirror, state, manifest
        self._folder, self._incoming = folder, incoming
        self._project: _StagedProject | None = None
        #: Whether a page about all projects is another one than in this mirror.
        self.has_other_roots = False
        #: Published files and projects that the bundle removes.
        self.files = self.projects = 0
        self._reader: PartReader | None = None
        self._part: AbstractContextManager[PartReader] | None = None

    def run(self) -> Removals:
        """Keep all new files; return what the bundle removes from projects that it has.

        Raises InvalidBundle for a damaged part, and for a file that is neither in the bundle nor in the mirror.
        """
        number, last = 1, ""
        try:
            for line in self._manifest:
                if isinstance(line, BundleMember):
                    if self._reader is None:
                        self._part = open_part(self._folder, self._manifest.header, number)
                        self._reader = self._part.__enter__()
                    self._read_member(line, self._reader)
                elif isinstance(line, PartLine):
                    self._close_part()
                    self._mirror.storage.flush()
                    number += 1
                elif isinstance(line, ProjectLine):
                    if line.name <= last:
                        raise InvalidBundle(f"{self._manifest.name}: {line.name} is not in order")
                    last = line.name
                    self._end_project()
                    self._project = _StagedProject(self._mirror, self._state, line)
                elif isinstance(line, RemovedPath | RemovedProject | End):
                    self._end_project()
                    if isinstance(line, RemovedPath) and (identifier := advisory_id(line.path)) is not None:
                        self._advisories.remove(identifier)
        finally:
            self._close_part()
        self._check_pins()
        return Removals(self.projects, self.files)

    def _close_part(self) -> None:
        if self._part is not None:
            self._part.__exit__(None, None, None)
        self._part = self._reader = None

    def _end_project(self) -> None:
        if self._project is not None:
            self.files += self._project.check_complete()
        self._project = None

    def _read_member(self, member: BundleMember, reader: PartReader) -> None:
        """Keep a member that the import needs, else skip it. Raises InvalidBundle for one that belongs to no project."""
        project = self._project
        if advisory_id(member.path) is not None:
            reader.member(member, partial(self._advisories.add, member))
        elif member.path.startswith(RECORDS):
            if project is None or member.path != f"{RECORDS}{project.name}":
                raise _stray_error(member)
            self._keep_member(member, reader)
            project.load(self._incoming.read(member.path) or b"")
        elif _is_common(member.path):
            is_pin, is_here = "/" in member.path, _is_here(self._mirror, member)
            self._keep_member(member, reader) if is_pin and not is_here else reader.member(member, None)
            self.has_other_roots |= not is_pin and not is_here
        elif project is not None and project.wants(member):
            self._keep_member(member, reader)
        else:
            if project is None or not (project.expects(member) or _is_page(member.path, project.name)):
                raise _stray_error(member)
            reader.member(member, None)

    def _keep_member(self, member: BundleMember, reader: PartReader) -> None:
        """Keep a member, unless an interrupted import has kept it."""
        if self._incoming.holds(member):
            reader.member(member, None)
            return
        reader.member(member, partial(self._write_member, member))

    def _write_member(self, member: BundleMember, read: Callable[[int], bytes]) -> bool:
        return self._incoming.put(member, read, _BLOCK, partial(self._mirror.room.admit, self._mirror))

    def _check_pins(self) -> None:
        """Raise InvalidBundle if a pin file is in neither the bundle nor the mirror."""
        for name in self._manifest.header.pins:
            path = f"{PINS}/{name}"
            if self._mirror.storage.size(path) is None and not self._incoming.has(path):
                raise _missing_error(path)


class _StagedProject:
    """A project of the bundle while its members are read."""

    def __init__(self, mirror: IRunContext, state: State, line: ProjectLine):
        self._mirror, self.name = mirror, line.name
        self._old = Project(line.name)
        if (record := state.record(line.name)) is not None:
            self._old = records.decode(record)
        #: The sha256 of its files and sidecars after the import, and before; by path.
        self._new: dict[str, str] = {}
        self._here = dict(shipped.digests(self._old))
        self._carried: set[str] = set()

    def load(self, content: bytes) -> None:
        """Read its record. Raises MirrorError if it is not valid."""
        self._new = dict(shipped.digests(shipped.load(self.name, content)))

    def expects(self, member: BundleMember) -> bool:
        """Return whether its record names a file with this content."""
        return self._new.get(member.path) == member.sha256

    def wants(self, member: BundleMember) -> bool:
        """Return whether its record names a file that the mirror does not have, or that the sweep of another one removes."""
        if not self.expects(member):
            return False
        self._carried.add(member.path)
        file = distribution(member.path)
        is_swept = file != member.path and file in self._here and self._here[file] != self._new.get(file)
        return is_swept or not _is_here(self._mirror, member)

    def check_complete(self) -> int:
        """Return the number of published files that the import removes. Raises InvalidBundle if a file is nowhere."""
        for path, sha256 in self._new.items():
            if path not in self._carried and self._here.get(path) != sha256 and self._mirror.storage.digest(path) != sha256:
                raise _missing_error(path)
        return sum(f"{self.name}/{file.filename}" not in self._new for file in self._old.published().files)


def _is_here(mirror: IRunContext, member: BundleMember) -> bool:
    """Return whether the mirror has a file with the right content in its place. A damaged one is replaced."""
    return mirror.storage.size(member.path) == member.size and mirror.storage.digest(member.path) == member.sha256


def _is_common(path: str) -> bool:
    """Return whether a path is that of a page about all projects, or of a pin file."""
    folder, _, name = path.rpartition("/")
    if folder:
        return folder == PINS and (name == HTML_PAGE or is_pin_name(name))
    return not is_distribution(distribution(name))


def _is_page(path: str, project: str) -> bool:
    """Return whether a path may be that of a page of a project. Pages are not read: the import writes them from the record."""
    folders = path.split("/")
    if is_distribution(distribution(folders[-1])):
        return False
    return (len(folders) == 2 and normalize(folders[0]) == project) or (len(folders) > 2 and project in folders[1:-1])


def _stray_error(member: BundleMember) -> InvalidBundle:
    return InvalidBundle(f"{shown(member.path)}: belongs to no project of the bundle")


def _missing_error(path: str) -> InvalidBundle:
    return InvalidBundle(f"{shown(path)}: neither in the bundle nor in this mirror; it needs a full bundle, or one against a "
                         "listing (export --full, --against)")
