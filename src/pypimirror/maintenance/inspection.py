"""Looks at what lies in the mirror of one project and says what is wrong with it. Changes nothing, asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import StorageError
from ..interfaces import IRunContext, IWholeIndexWriter
from ..model import NOTHING, File, Project, Stored
from ..names import distribution, is_distribution
from ..state import records
from ..sync.own_pages import PAGES, own_serial
from ..sync.publish import rendered
from ..sync.recover import own_pages

#: Bytes of one project from which on its files are hashed by several threads; below that threads cost more than they save.
_MUCH = 64 << 20


class InspectTask(NamedTuple):
    """One normalised name, and all that bears it."""

    name: str
    #: What is remembered of it, or None.
    record: bytes | None = None
    #: Our serial of its pages, 0 if it is not published.
    serial: int = 0
    #: The mirror's folders of that name: the normalised one, and other spellings.
    folders: tuple[str, ...] = ()
    #: Whether its pages are to say what the record says; not so where a run was cut off before it wrote them.
    settled: bool = True
    #: Whether what is remembered is to be trusted; what nothing is remembered of is astray only then.
    remembered: bool = True
    #: What is kept of the pages about all projects, by page.
    sections: Mapping[str, bytes] = NOTHING


class Finding(NamedTuple):
    """One thing that is wrong."""

    path: str
    #: ``missing``, ``damaged``, ``page``, ``stray``, ``record``, ``root``, ``state``; ``unreadable`` is what no repair helps.
    kind: str
    #: In words, for a line that begins with the path.
    message: str


class Inspection(NamedTuple):
    """What came out of it."""

    name: str
    findings: tuple[Finding, ...] = ()
    #: How many files were hashed, and their bytes.
    files: int = 0
    bytes: int = 0
    #: Whether the sections that are kept were looked at, and are right.
    sections: bool = False


def inspect(mirror: IRunContext, task: InspectTask, emit: Callable[[Any], None]) -> Inspection:
    """Inspect one project."""
    try:
        with mirror.storage.keep_open(task.name):
            return _inspected(mirror, task)
    except StorageError as error:
        return Inspection(task.name, (Finding(task.name, "unreadable", str(error)),))


def _inspected(mirror: IRunContext, task: InspectTask) -> Inspection:
    # Its own in any case: a link or a file in its place is in no list of folders.
    names = {folder: mirror.storage.listdir(folder) for folder in dict.fromkeys((*task.folders, task.name))}
    project, findings = _remembered(task)
    astray: list[str] = []
    sections = False
    if project is not None and task.settled:
        shown = project.published()
        pages = rendered(mirror, shown, task.serial) if task.serial else {}
        findings += _compared(mirror, pages)
        sections = _sections(mirror, shown, task.sections)
        astray = _astray(mirror, task.name, names, shown.files, pages, published=bool(task.serial))
    elif task.remembered and task.settled and task.record is None and not task.serial:
        shown = Project(task.name)
        astray = _astray(mirror, task.name, names, (), ())
    else:
        # The pages are all there is to tell, and what they don't name may be what an unfinished run has left.
        told = own_pages(mirror, task.name)
        shown = Project(task.name, tuple(_as_stored(file) for file in told.project.files if "sha256" in file.hashes))
        if task.record is not None or task.serial or any(map(is_distribution, names.get(task.name, ()))):
            findings += [Finding(path, "page", f"the page can't be read: {why}") for path, why in told.unreadable]
    findings += _hashed(mirror, task.name, shown.files, frozenset(names.get(task.name, ())))
    findings += [Finding(path, "stray", "no page names it") for path in astray]
    sizes = [file.stored.size for file in shown.files if file.stored is not None]
    return Inspection(task.name, tuple(findings), len(sizes), sum(sizes), sections)


def _remembered(task: InspectTask) -> tuple[Project | None, list[Finding]]:
    if task.record is None:
        lost = [Finding(task.name, "record", "its record is missing")] if task.serial else []
        return None, lost
    try:
        project = records.decode(task.record)
        if project.name != task.name:
            raise ValueError(f"it is the one of {project.name}")
    except ValueError as error:
        return None, [Finding(task.name, "record", f"its record can't be read: {error}")]
    return project, []


def _compared(mirror: IRunContext, pages: Mapping[str, bytes]) -> list[Finding]:
    """Hold pages against what they should be."""
    findings = []
    for path, page in pages.items():
        there = mirror.storage.read(path)
        if there is None:
            findings.append(Finding(path, "page", "the page is missing"))
        elif there != page:
            findings.append(Finding(path, "page", "the page is not what was written"))
    return findings


def _sections(mirror: IRunContext, project: Project, kept: Mapping[str, bytes]) -> bool:
    """Hold what is kept of the pages about all projects against what it should be."""
    whole = {writer.root: writer for writer in mirror.writers if IWholeIndexWriter.providedBy(writer)}
    return all(path in whole and whole[path].section(project) == section for path, section in kept.items())


def _as_stored(file: File) -> File:
    metadata = file.core_metadata.get("sha256") if isinstance(file.core_metadata, Mapping) else None
    return file._replace(stored=Stored(file.hashes["sha256"], file.size or 0, metadata, True))


def _hashed(mirror: IRunContext, name: str, files: tuple[File, ...], there: frozenset[str]) -> list[Finding]:
    """Hold files against their hashes. there: the names in the folder."""

    def check(wanted: tuple[str, str]) -> Finding | None:
        filename, sha256 = wanted
        path = f"{name}/{filename}"
        try:
            found = mirror.storage.digest(path) if filename in there else None
        except StorageError as error:
            return Finding(path, "damaged", f"can't be read: {error}")
        if found is None:
            return Finding(path, "missing", "missing")
        if found != sha256:
            return Finding(path, "damaged", f"damaged: its sha256 is {found}, the index says {sha256}")
        return None

    wanted: list[tuple[str, str]] = []
    size = 0
    for file in files:
        if file.stored is not None:
            size += file.stored.size
            wanted.append((file.filename, file.stored.sha256))
            wanted += ((file.filename + suffix, sha256) for suffix, sha256 in file.stored.beside().items())
    results = mirror.crew.each(check, wanted) if size > _MUCH else map(check, wanted)
    return [finding for finding in results if finding is not None]


def _astray(mirror: IRunContext, name: str, names: Mapping[str, Iterable[str]], files: Iterable[File],
            pages: Iterable[str], published: bool = False) -> list[str]:
    """Return the paths of what belongs to nothing.

    published: whether the folder is that of a published project, which holds nothing but the project's: web servers, and
    clients that read the folder, offer all of it. In another one only distributions, what lies beside them, and our pages are
    looked at. Hidden files and folders are left alone.
    """
    known = {*pages}
    for file in files:
        if file.stored is not None:
            known.add(f"{name}/{file.filename}")
            known.update(f"{name}/{file.filename}{suffix}" for suffix in file.stored.beside())
    return [path for folder, found in names.items() for entry in found if not entry.endswith("/")
            and (path := f"{folder}/{entry}") not in known and _is_stray(mirror, path, entry, published)]


def _is_stray(mirror: IRunContext, path: str, entry: str, published: bool) -> bool:
    if is_distribution(distribution(entry)):
        return True
    if entry not in PAGES:
        return published and not entry.startswith(".")
    return own_serial(mirror, mirror.storage.read(path) or b"") is not None
