"""Inspects one project in the mirror for faults. Read-only, without requests to upstream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from ..advisories.policy import mark_vulnerable
from ..engine.steps import in_threads
from ..errors import StorageError
from ..interfaces import IRunContext, IWholeIndexWriter
from ..model import NOTHING, File, Project, Stored
from ..names import PROVENANCE, is_distribution
from ..state import records
from ..sync.attested import attestation_fault
from ..sync.project_pages import rendered
from ..sync.recover import own_pages
from .strays import stray_files, stray_folders, stray_links

#: Bytes of one project from which on its files are hashed by several threads; below that threads cost more than they save.
_MUCH = 64 << 20


class InspectTask(NamedTuple):
    """One project to inspect."""

    name: str
    #: Its record in the state, or None.
    record: bytes | None = None
    #: The mirror's own serial of its pages, 0 if it is not published.
    serial: int = 0
    #: Its folders in the mirror, of the normalised name and of other spellings.
    folders: tuple[str, ...] = ()
    #: Whether its pages must agree with the record; not after a run that was interrupted before it wrote them.
    settled: bool = True
    #: Whether the state is complete; only then are files of projects without a record strays.
    remembered: bool = True
    #: Its cached fragments of pages about all projects, by page.
    sections: Mapping[str, bytes] = NOTHING


class Fault(NamedTuple):
    """A fault in the mirror."""

    path: str
    #: ``missing``, ``damaged``, ``page``, ``stray``, ``folder``, ``link``, ``record``, ``root``, ``state``; these can't be
    #: repaired: ``unreadable``, ``pins``.
    kind: str
    #: Description, to follow the path.
    message: str


class Inspection(NamedTuple):
    """Result of ``inspect``."""

    name: str
    findings: tuple[Fault, ...] = ()
    #: The number of hashed files, and their bytes.
    files: int = 0
    bytes: int = 0
    #: Whether the cached fragments were compared, and are up to date.
    sections: bool = False


@in_threads
def inspect(mirror: IRunContext, task: InspectTask, emit: Callable[[Any], None]) -> Inspection:
    """Inspect one project."""
    try:
        with mirror.storage.keep_open(task.name):
            return _inspect_project(mirror, task)
    except StorageError as error:
        return Inspection(task.name, (Fault(task.name, "unreadable", str(error)),))


def _inspect_project(mirror: IRunContext, task: InspectTask) -> Inspection:
    project, findings = _decode_record(task)
    # Its own and those of its pages in any case: a link or a file in their place is in no list of folders.
    pages = (path.partition("/")[0] for path in (project.pages if project is not None else ()) if path.count("/") == 1)
    names = {folder: mirror.storage.listdir(folder) for folder in dict.fromkeys((*task.folders, task.name, *pages))}
    if project is not None and task.settled:
        expected = _expect_by_record(mirror, task, project, names)
    elif task.remembered and task.settled and task.record is None and not task.serial:
        expected = _Expected((), strays=stray_files(mirror, task.name, names, (), ()))
    else:
        expected = _expect_by_pages(mirror, task, names)
    findings += expected.findings
    damaged = _compare_hashes(mirror, task.name, expected.files, frozenset(names.get(task.name, ())))
    findings += damaged
    findings += _verify_attestations(mirror, task.name, expected.files, {finding.path for finding in damaged})
    findings += [Fault(path, "stray", "no page names it") for path in expected.strays]
    if task.serial:
        findings += _find_misplaced(mirror, names, {finding.path for finding in findings})
    sizes = [file.stored.size for file in expected.files if file.stored is not None]
    return Inspection(task.name, tuple(findings), len(sizes), sum(sizes), expected.sections)


def _find_misplaced(mirror: IRunContext, names: Mapping[str, list[str]], known: Set[str]) -> Iterator[Fault]:
    """Yield folders that no page names, and symbolic links. known: faults that were found in the place of files and pages."""
    yield from (Fault(path, "folder", "no page names it") for path in stray_folders(mirror, names))
    yield from (Fault(path, "link", "a symbolic link") for path in stray_links(mirror, names) if path not in known)


class _Expected(NamedTuple):
    """The published files of a project, and the faults of everything else."""

    files: tuple[File, ...]
    findings: Sequence[Fault] = ()
    #: Paths.
    strays: Sequence[str] = ()
    #: As in Inspection.
    sections: bool = False


def _expect_by_record(mirror: IRunContext, task: InspectTask, project: Project, names: Mapping[str, list[str]]) -> _Expected:
    """Compare pages and fragments with the record. names: of entries by folder."""
    shown = project.published()
    pages = rendered(mirror, shown, task.serial) if task.serial else {}
    strays = stray_files(mirror, task.name, names, shown.files, pages, published=bool(task.serial))
    return _Expected(shown.files, _compare_pages(mirror, pages), strays, _are_sections_current(mirror, shown, task.sections))


def _expect_by_pages(mirror: IRunContext, task: InspectTask, names: Mapping[str, list[str]]) -> _Expected:
    """Read the files from the pages, without a usable record: files that they don't list may be those of an unfinished run."""
    pages = own_pages(mirror, task.name)
    files = tuple(_as_stored(file) for file in pages.project.files if "sha256" in file.hashes)
    if task.record is None and not task.serial and not any(map(is_distribution, names.get(task.name, ()))):
        return _Expected(files)
    return _Expected(files, [Fault(path, "page", f"the page can't be read: {why}") for path, why in pages.unreadable])


def _decode_record(task: InspectTask) -> tuple[Project | None, list[Fault]]:
    """Return the project of the record, None without a usable one, and the faults of the record."""
    if task.record is None:
        lost = [Fault(task.name, "record", "its record is missing")] if task.serial else []
        return None, lost
    try:
        project = records.decode(task.record)
        if project.name != task.name:
            raise ValueError(f"it belongs to {project.name}")
    except ValueError as error:
        return None, [Fault(task.name, "record", f"its record can't be read: {error}")]
    return project, []


def _compare_pages(mirror: IRunContext, pages: Mapping[str, bytes]) -> list[Fault]:
    """Compare pages with their expected content."""
    findings = []
    for path, page in pages.items():
        there = mirror.storage.read(path)
        if there is None:
            findings.append(Fault(path, "page", "the page is missing"))
        elif there != page:
            findings.append(Fault(path, "page", "the page is not what was written"))
    return findings


def _are_sections_current(mirror: IRunContext, project: Project, kept: Mapping[str, bytes]) -> bool:
    """Compare the cached fragments of pages about all projects with their expected content."""
    whole = {writer.root: writer for writer in mirror.writers if IWholeIndexWriter.providedBy(writer)}
    project = mark_vulnerable(mirror.settings, project)
    return all(path in whole and whole[path].section(project) == section for path, section in kept.items())


def _as_stored(file: File) -> File:
    metadata = file.core_metadata.get("sha256") if isinstance(file.core_metadata, Mapping) else None
    return file._replace(stored=Stored(file.hashes["sha256"], file.size or 0, metadata, True))


def _compare_hashes(mirror: IRunContext, name: str, files: tuple[File, ...], there: frozenset[str]) -> list[Fault]:
    """Compare files with their hashes. there: the names in the folder."""

    def check(wanted: tuple[str, str]) -> Fault | None:
        filename, sha256 = wanted
        path = f"{name}/{filename}"
        try:
            found = mirror.storage.digest(path) if filename in there else None
        except StorageError as error:
            return Fault(path, "damaged", f"can't be read: {error}")
        if found is None:
            return Fault(path, "missing", "missing")
        if found != sha256:
            return Fault(path, "damaged", f"damaged: its sha256 is {found}, expected {sha256}")
        return None

    wanted: list[tuple[str, str]] = []
    size = 0
    for file in files:
        if file.stored is not None:
            size += file.stored.size
            wanted.append((file.filename, file.stored.sha256))
            wanted += ((file.filename + suffix, sha256) for suffix, sha256 in file.stored.beside().items())
    results = mirror.side_by_side.each(check, wanted) if size > _MUCH else map(check, wanted)
    return [finding for finding in results if finding is not None]


def _verify_attestations(mirror: IRunContext, name: str, files: Iterable[File], damaged: Set[str]) -> Iterator[Fault]:
    """Yield the provenance files that do not verify. damaged: the paths of damaged files."""
    for file in files:
        path = f"{name}/{file.filename}"
        if file.stored is not None and not damaged & {path, path + PROVENANCE}:
            reason = attestation_fault(mirror, name, file.filename, file.stored)
            if reason is not None:
                yield Fault(path + PROVENANCE, "damaged", reason)
