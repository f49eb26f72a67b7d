"""Repairs one project: fetches missing and damaged files, rewrites pages, moves strays to the trash."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

from ..events import FileRemoved, FileStored, Problem, ProjectPublished
from ..interfaces import IRunContext
from ..model import File, Project, Stored
from ..names import BESIDE, METADATA, PROVENANCE, SIGNATURE, distribution, is_distribution
from ..state import records
from ..sync.ensure_file import FULL, FileResult, ensure_file
from ..sync.project_pages import WrittenPages, write_pages
from ..sync.publish import PublishResult
from ..sync.upload_times import with_time_of
from .inspection import Fault
from .strays import strays_below


class RepairTask(NamedTuple):
    """One project and its faults."""

    name: str
    #: None if the project is not in the state; then all findings are strays.
    record: bytes | None
    #: The mirror's own serial of its pages, 0 without pages, and that of this run.
    serial: int
    run: int
    findings: tuple[Fault, ...]


def repair_project(mirror: IRunContext, task: RepairTask, emit: Callable[[Any], None]) -> PublishResult | None:
    """Repair one project according to its record, without evaluating the configuration again.

    Returns None if there were strays only."""
    strays = [finding.path for finding in task.findings if finding.kind == "stray"]
    _remove_links(mirror, task.findings)
    if task.record is None or not task.serial:
        _remove_strays(mirror, task.name, strays, emit)
        return None
    project = records.decode(task.record)
    wrong = {finding.path.rpartition("/")[2] for finding in task.findings if finding.kind in ("missing", "damaged")}
    _remove_unhashed(mirror, task.name, wrong)
    wanted = tuple(_without_damage(file, wrong) for file in project.files if file.stored is not None and file.stored.published)
    outcomes = mirror.side_by_side.each(lambda file: _fetch_file(mirror, task.name, file, emit) if _is_faulty(file, wrong)
                                else FileResult(file, "kept"), wanted)
    before = {file.filename: file.stored for file in project.files}
    here = {outcome.file.filename: _as_published(outcome.file, before[outcome.file.filename]) for outcome in outcomes}
    files = tuple(file for file in here.values() if file.stored is not None)
    project = project._replace(files=tuple(here.get(file.filename, file) for file in project.files))
    pages = write_pages(mirror, project._replace(files=files), task.serial, task.run)
    emit(ProjectPublished(task.name, pages.written))
    for file in here.values():
        strays += [f"{task.name}/{filename}" for filename in _names_off_page(file, wrong)]
    _remove_strays(mirror, task.name, strays, emit)
    return _make_result(task, project._replace(pages=pages.paths), pages, files, outcomes)


def _remove_links(mirror: IRunContext, findings: Iterable[Fault]) -> None:
    for finding in findings:
        if finding.kind == "link":
            mirror.storage.remove(finding.path)


def _remove_unhashed(mirror: IRunContext, name: str, wrong: set[str]) -> None:
    """Remove damaged files of kinds without hashes upstream, so that they are not accepted again."""
    for filename in wrong:
        if filename.endswith((PROVENANCE, SIGNATURE)):
            mirror.storage.remove(f"{name}/{filename}")


def _names_off_page(file: File, wrong: set[str]) -> list[str]:
    """Return the names of a file and of its sidecars that could not be fetched, and so are no longer on the page."""
    if file.stored is None:
        return [file.filename + suffix for suffix in ("", *BESIDE)]
    return [name for suffix in BESIDE if suffix not in file.stored.beside() and (name := file.filename + suffix) in wrong]


def _make_result(task: RepairTask, project: Project, pages: WrittenPages, files: tuple[File, ...],
                 outcomes: list[FileResult]) -> PublishResult:
    return PublishResult(
        task.name, records.encode(project), pages.serial, pages.written, project.display,
        files=len(files),
        bytes=sum(file.stored.size for file in files if file.stored is not None),
        yanked=sum(file.yanked is not False for file in files),
        error=next((outcome.error for outcome in outcomes if outcome.error), None),
        full=any(outcome.how == FULL for outcome in outcomes),
    )


def _is_faulty(file: File, wrong: set[str]) -> bool:
    return any(file.filename + suffix in wrong for suffix in ("", *BESIDE))


def _without_damage(file: File, wrong: set[str]) -> File:
    """Return a file without the damaged parts of the mirror's copy."""
    if file.filename in wrong:
        return file._replace(stored=None)
    if file.stored is None:
        return file
    good = {suffix: sha256 for suffix, sha256 in file.stored.beside().items() if file.filename + suffix not in wrong}
    return file._replace(stored=file.stored._replace(
        metadata=good.get(METADATA), provenance=good.get(PROVENANCE), signature=good.get(SIGNATURE)))


def _as_published(file: File, before: Stored | None) -> File:
    """Return a file as published. before: the mirror's copy before the repair."""
    return file if file.stored is None else file._replace(stored=with_time_of(before, file.stored)._replace(published=True))


def _fetch_file(mirror: IRunContext, name: str, file: File, emit: Callable[[Any], None]) -> FileResult:
    """Fetch what is missing of a file, and notify; an intact file stays although a sidecar is unavailable."""
    outcome = ensure_file(mirror, name, file)
    if outcome.error is not None:
        emit(Problem(name, outcome.error, outcome.how))
        # An intact file stays although its metadata file is unavailable.
        outcome = outcome._replace(file=file)
    elif outcome.file.stored is not None:
        emit(FileStored(name, file.filename, outcome.file.stored.size, outcome.how))
    return outcome


def clear_folders(mirror: IRunContext, name: str, folders: Iterable[str], emit: Callable[[Any], None]) -> None:
    """Move the files in misplaced folders to the trash, and remove the empty folders.

    folders: their paths, with a slash at the end."""
    for folder in folders:
        _remove_strays(mirror, name, [*strays_below(mirror, folder)], emit)
        mirror.storage.remove(f"{folder}.none")  # removes the folder, if it is empty


def _remove_strays(mirror: IRunContext, name: str, paths: list[str], emit: Callable[[Any], None]) -> None:
    """Move strays to the trash; what is no distribution under the name of its folder, not of the project."""
    for path in paths:
        folder, _, filename = path.rpartition("/")
        owner = name if is_distribution(distribution(filename)) else quote(folder, safe="")
        if mirror.storage.size(path) is None:
            continue
        if mirror.trash.put_stray(path, owner, filename):
            emit(FileRemoved(name, filename))
        else:
            emit(Problem(name, f"{path}: kept in place, because the trash contains another file of this name"))
