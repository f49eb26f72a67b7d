"""Adopts the files of one project from the tree of an older mirror: verifies each, then links or copies it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ...engine.steps import in_threads
from ...errors import InsufficientSpace, IntegrityError, MirrorError, StorageError
from ...events import FileStored, Problem
from ...http.download import ALGORITHMS
from ...interfaces import IRunContext, IUpload
from ...metadata.archives import check
from ...metadata.errors import InvalidContent
from ...metadata.filenames import parse
from ...model import NOTHING, File, Project, Stored
from ...names import normalize
from ...regular_file import open_regular
from ...state import records
from ...sync.changes import is_up_to_date
from ...sync.evaluate import EvaluateTask, evaluate
from ...sync.offered_files import select_files
from . import legacy_trees
from .cleanup import rename_folders
from .legacy_trees import OldFile, OldProject, OldTree

if TYPE_CHECKING:
    from ...advisories.lookup import Advised

_BLOCK = 1 << 20


class AdoptTask(NamedTuple):
    """One project of an old tree."""

    tree: OldTree
    project: OldProject
    #: Its record in the state, or None.
    record: bytes | None = None
    #: Whether the tree is the mirror's own directory.
    in_place: bool = False
    #: The advisories about it, see ``EvaluateTask``.
    advised: Advised | None = None


class AdoptResult(NamedTuple):
    """Result of ``take``."""

    name: str
    #: None if upstream or the tree could not be read; then nothing was changed.
    record: bytes | None = None
    display: str = ""
    page_serial: str | None = None
    #: The number of adopted files, their bytes, and how many are hard links.
    files: int = 0
    bytes: int = 0
    linked: int = 0
    #: The number of files that were in the mirror before.
    here: int = 0
    #: Names of files that upstream does not list, that filters exclude, and that are damaged or unreadable.
    unlisted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    #: Whether the project is quarantined; then all files are excluded.
    quarantined: bool = False
    #: The digest of the advisories in the record; None if it has those of the record before.
    advised: str | None = None


@in_threads
def adopt_project(mirror: IRunContext, task: AdoptTask, emit: Callable[[Any], None]) -> AdoptResult:
    """Adopt the files of one project."""
    name = task.project.name
    # Upstream's list is not read: a project that was on it counts as listed, and an absence has to be confirmed by a sync.
    listed = task.record is not None and mirror.selection.exact is None and records.decode(task.record).listed
    looked = evaluate(mirror, EvaluateTask(name, task.record, "" if task.record else _registered_name(task), listed=listed,
                                           advised=task.advised), emit)
    if looked.project is None or looked.error is not None:
        emit(Problem(name, f"not adopted, because upstream can't be read: {looked.error}"))
        return AdoptResult(name)
    project = records.decode(looked.project)
    try:
        folders = rename_folders(task.tree, task.project) if task.in_place else task.project.folders
        old, problems = legacy_trees.find_files(task.tree, task.project._replace(folders=folders), mirror.parsers)
        for problem in problems:
            emit(Problem(name, problem, "left out"))
        result = _ProjectAdoption(mirror, project, emit).adopt(_add_from_upstream_paths(task.tree, project, old))
    except MirrorError as error:
        emit(Problem(name, str(error)))
        return AdoptResult(name)
    return result._replace(display=looked.display, page_serial=looked.page_serial, quarantined=project.quarantined,
                           advised=looked.advised)


def _registered_name(task: AdoptTask) -> str:
    """Return the registered name by the old folders: z3c.pypimirror named them as on upstream's list."""
    spelled = (os.path.basename(folder) for folder in task.project.folders)
    return next((name for name in spelled if name != task.project.name and normalize(name) == task.project.name), "")


def _add_from_upstream_paths(tree: OldTree, project: Project, old: list[OldFile]) -> list[OldFile]:
    """Add the files that no old page lists, found by the paths of upstream's URLs."""
    names = {each.filename for each in old}
    places = ((file.filename, legacy_trees.find_package(tree, file.url))
              for file in project.files if file.filename not in names)
    return old + [OldFile(filename, path) for filename, path in places if path is not None]


class _FileAdoption(NamedTuple):
    """Result for one file. how: ``here`` before, ``linked``, ``copied``, or empty if no file was valid."""

    file: File
    how: str = ""


class _ProjectAdoption:
    """Adopts the files of one project."""

    def __init__(self, mirror: IRunContext, project: Project, emit: Callable[[Any], None]):
        self._mirror = mirror
        self._emit = emit
        self._project = project

    def adopt(self, old: list[OldFile]) -> AdoptResult:
        """Adopt the valid and selected files."""
        by_name = self._group_by_name(old)
        # Files of the old mirror are not new.
        known = {file.filename: file._replace(seen=None) if file.filename in by_name else file for file in self._project.files}
        files = {name: known.get(name) or self._unlisted_file(name, found[0].path) for name, found in by_name.items()} | known
        wanted = {file.filename for file in select_files(self._mirror, self._with_files(files.values())).files}
        names = [name for name in by_name if name in wanted]
        done = self._mirror.side_by_side.each(lambda name: self._adopt_file(files[name], by_name[name]), names)
        files |= {one.file.filename: one.file for one in done}
        record = records.encode(self._with_files(f for f in files.values() if f.filename in known or f.stored is not None))
        return self._make_result(record, done, tuple(name for name in by_name if name not in wanted))

    def _make_result(self, record: bytes, done: Sequence[_FileAdoption], left_out: tuple[str, ...]) -> AdoptResult:
        new = [one.file for one in done if one.how in ("linked", "copied")]
        return AdoptResult(
            self._project.name,
            record,
            files=len(new),
            bytes=sum(file.stored.size for file in new if file.stored is not None),
            linked=sum(one.how == "linked" for one in done),
            here=sum(one.how == "here" for one in done),
            unlisted=tuple(file.filename for file in new if file.adopted),
            left_out=left_out,
            bad=tuple(one.file.filename for one in done if not one.how),
        )

    def _unlisted_file(self, name: str, path: str) -> File:
        """Return the entry of a file that upstream does not list, with the facts that the selection needs."""
        pinned = any(project == self._project.name for project, _ in self._mirror.needs.hashes)
        hashes = {"sha256": _sha256(path)} if pinned else NOTHING
        return File(name, "", hashes, _file_size(path), listed=False, adopted=True)

    def _with_files(self, files: Iterable[File]) -> Project:
        return self._project._replace(files=tuple(sorted(files, key=lambda file: file.filename)))

    def _group_by_name(self, old: list[OldFile]) -> dict[str, list[OldFile]]:
        """Return the old files by name; names that differ in case only are one, spelled as upstream's."""
        spelled = {file.filename.lower(): file.filename for file in self._project.files}
        found: dict[str, list[OldFile]] = {}
        for each in old:
            found.setdefault(spelled.setdefault(each.filename.lower(), each.filename), []).append(each)
        return found

    def _adopt_file(self, file: File, old: list[OldFile]) -> _FileAdoption:
        """Adopt the first valid one of several old files of a name."""
        path = f"{self._project.name}/{file.filename}"
        if file.stored is not None and is_up_to_date(file) and self._mirror.storage.size(path) == file.stored.size:
            return _FileAdoption(file, "here")
        for each in old:
            try:
                stored, how = _link_or_copy(self._mirror, file, each, path, self._project.name)
            except InsufficientSpace:
                raise
            except MirrorError as error:
                kind = "invalid" if isinstance(error, IntegrityError) else "failed"
                self._emit(Problem(self._project.name, f"{error}; not adopted", kind))
                continue
            self._emit(FileStored(self._project.name, file.filename, stored.size, "adopted"))
            # For files that upstream does not list, only the computed hash identifies the content.
            hashes = file.hashes if file.listed else {"sha256": stored.sha256}
            return _FileAdoption(file._replace(stored=stored, hashes=hashes), how)
        return _FileAdoption(file)


def _link_or_copy(mirror: IRunContext, file: File, old: OldFile, path: str, project: str) -> tuple[Stored, str]:
    """Put a file into the mirror, ``linked`` or ``copied``.

    Raises IntegrityError if its content is wrong, InsufficientSpace if there is no room for a copy, StorageError.
    """
    source = os.path.realpath(old.path)
    upload = mirror.storage.link(source)
    if upload is not None:
        return _verify_and_commit(mirror, file, old, path, project, upload, True)
    upload = mirror.storage.create()
    try:
        mirror.room.admit(mirror, upload, _file_size(source) or 0)
        return _verify_and_commit(mirror, file, old, path, project, upload, False)
    finally:
        upload.abort()


def _verify_and_commit(mirror: IRunContext, file: File, old: OldFile, path: str, project: str, upload: IUpload,
                         linked: bool) -> tuple[Stored, str]:
    """Verify a file and commit its upload. linked: whether the upload is a hard link."""
    source = os.path.realpath(old.path)
    try:
        hashes, witness = (file.hashes, "upstream") if file.listed and file.hashes else (old.hashes, old.witness)
        algorithm = next((name for name in ALGORITHMS if name in hashes), None)
        digests = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", algorithm) if name}
        size = 0
        for block in _read_blocks(source):
            size += len(block)
            for digest in digests.values():
                digest.update(block)
            if not linked:
                upload.write(block)
        if file.listed and file.size not in (None, size):
            raise IntegrityError(f"{old.path}: damaged: it has {size} bytes, expected {file.size} (upstream)")
        if algorithm is None:
            _check_archive(old.path, file.filename, project)
        elif digests[algorithm].hexdigest() != hashes[algorithm].lower():
            raise IntegrityError(f"{old.path}: damaged: its {algorithm} is {digests[algorithm].hexdigest()}, expected "
                                 f"{hashes[algorithm]} ({witness})")
        upload.commit(path, _modification_time(source))
        return Stored(digests["sha256"].hexdigest(), size), "linked" if linked else "copied"
    finally:
        upload.abort()


def _check_archive(path: str, filename: str, project: str) -> None:
    """Raise IntegrityError unless a file without a known hash is an intact archive with a name of the project."""
    with suppress(InvalidContent):
        if parse(filename, project).project and check(path, filename):
            return
    raise IntegrityError(f"{path}: damaged or foreign: no known hash, and not an intact archive of {project}")


def _read_blocks(path: str) -> Iterator[bytes]:
    try:
        with open_regular(path) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    for block in _read_blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _modification_time(path: str) -> float | None:
    try:
        return float(int(os.path.getmtime(path)))
    except OSError:
        return None


def _file_size(path: str) -> int | None:
    try:
        return os.path.getsize(path)
    except OSError:
        return None  # reading the file reports the reason
