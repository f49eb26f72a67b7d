"""Second step of the work on a project: ensure that its files are there, then write its pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from ..errors import MirrorError
from ..events import FileStored, Notice, Problem, ProjectPublished
from ..http.retry import RetryPolicy
from ..interfaces import IRunContext
from ..model import File, Project, Stored
from ..names import is_distribution
from ..selected import Selected
from ..state import records
from .changes import is_published
from .display_name import find_display_name
from .ensure_file import FULL, REFUSED, WAITS, FileResult, ensure_file
from .evaluate import unmet
from .folder_snapshot import NOT_LISTED, FolderSnapshot, snapshot
from .offered_files import select_files
from .own_pages import own_paths
from .packed_selection import PackedSelection, unpack
from .project_pages import WrittenPages, write_pages
from .publishers import changed_publishers
from .root_pages import Sections, sections

#: The name of the filter that leaves yanked files out.
_YANKED = "yanked"


class PublishTask(NamedTuple):
    """One project to be published."""

    name: str
    record: bytes
    #: The mirror's serial of its pages, 0 without pages, and the serial of this run.
    serial: int
    run: int
    selected: bool = True
    #: Whether its folder is scanned, because an earlier run was interrupted while it worked there.
    scan: bool = False
    #: Whether nothing may be fetched.
    offline: bool = False
    #: Whether removals are held back: ``upstream``, those that follow from upstream's pages; ``all``; or an empty text.
    hold: str = ""
    #: Folders with any spelling of this project's name; set if ``scan`` is true.
    spelled: tuple[str, ...] = ()
    #: Whether files that this run has downloaded wait (``ensure_file.WAITS``).
    again: bool = False
    #: The paths of the pages about all projects that have a section about each.
    sections: tuple[str, ...] = ()
    #: The selection of this run's evaluation of the record; None if the files have to be selected now.
    selection: PackedSelection | None = None


class PublishResult(NamedTuple):
    """Result of ``publish``."""

    name: str
    record: bytes
    #: The mirror's serial of its pages, 0 if it is not in the index.
    serial: int
    #: Whether pages changed.
    written: bool
    display: str = ""
    files: int = 0
    bytes: int = 0
    yanked: int = 0
    #: How many files are left out because they are yanked; None if the filters did not run.
    hidden: int | None = None
    #: Whether the folder may hold files that no page links to.
    unswept: bool = False
    #: Whether files are missing that could not be downloaded because the run is offline.
    incomplete: bool = False
    error: str | None = None
    #: Whether the storage is full.
    full: bool = False
    #: Whether its pages link to files whose removal is held back.
    held: bool = False
    #: Whether files wait for the removal of others with the same name.
    again: bool = False
    sections: Sections = ()
    #: Whether nothing was done because the selection failed.
    skipped: bool = False
    #: Whether other files than before are published.
    replaced: bool = False
    #: If the folder was scanned: the messages about missing releases (``evaluate.unmet``) before and after it.
    unmet: tuple[str | None, str | None] | None = None


def publish(mirror: IRunContext, task: PublishTask, emit: Callable[[Any], None]) -> PublishResult:
    """Publish one project."""
    with mirror.storage.keep_open(task.name):
        return _publish(mirror, task, emit)


def publish_evaluated(mirror: IRunContext, task: PublishTask, project: Project, selected: Selected,
                      emit: Callable[[Any], None]) -> PublishResult:
    """Publish a project that was just evaluated. task: without a record."""
    with mirror.storage.keep_open(task.name):
        return _publish_selected(mirror, task, project, selected, emit)


def _publish(mirror: IRunContext, task: PublishTask, emit: Callable[[Any], None]) -> PublishResult:
    known = records.decode(task.record)
    if task.selection is not None:
        return _publish_selected(mirror, task, known, unpack(task.selection, known), emit)
    project = _with_folder(mirror, task, known) if task.scan else known
    try:
        selected = _selected(mirror, task, project)
        found = (unmet(mirror.needs, task.name, _selected(mirror, task, known)),
                 unmet(mirror.needs, task.name, selected)) if task.scan else None
    except MirrorError as error:
        emit(Problem(task.name, str(error)))
        return PublishResult(task.name, task.record, task.serial, False, error=str(error), skipped=True)
    return _publish_selected(mirror, task, project, selected, emit)._replace(unmet=found)


def _selected(mirror: IRunContext, task: PublishTask, project: Project) -> Selected:
    return select_files(mirror, project, bool(task.hold)) if task.selected else Selected()


def _publish_selected(mirror: IRunContext, task: PublishTask, project: Project, selected: Selected,
                      emit: Callable[[Any], None]) -> PublishResult:
    held = _held_files(project, selected) if task.hold == "all" else ()
    results = _ensure_files(mirror, task, selected.files + held, emit)
    files = tuple(result.file for result in results if result.file.stored is not None and result.how != WAITS)
    unswept = _leaves_files(project, results, files)
    before = _published_content(project)
    project = _with_results(project, results, files)
    refusal = _refusal(mirror, task, project, results, emit)
    pages = WrittenPages(0, project.pages, False)
    if is_published(project, files, task.selected or task.hold == "all"):
        project = project._replace(display=project.display or find_display_name(mirror, project))
        pages = write_pages(mirror, project._replace(files=files), task.serial, task.run)
        project = project._replace(pages=pages.paths)
        emit(ProjectPublished(task.name, pages.written))
    _compare_publishers(mirror, task, results, files, emit)
    result = _result(task, selected, results, files)
    return result._replace(
        record=records.encode(project), serial=pages.serial, written=pages.written, display=project.display,
        replaced=_published_content(project) != before,
        error=result.error or refusal, unswept=unswept or task.scan or not pages.serial,
        sections=sections(mirror, project.published(), task.sections) if pages.serial and task.sections else ())


def _compare_publishers(mirror: IRunContext, task: PublishTask, results: Iterable[FileResult], files: Iterable[File],
                        emit: Callable[[Any], None]) -> None:
    """Report new releases of other publishers than the ones before; a new project has none to compare with."""
    new = {one.file.filename for one in results if one.how == "fetched"}
    if new and task.serial and mirror.settings["publishers"] != "ignore":
        for message in changed_publishers(mirror, task.name, files, new):
            emit(Notice(f"{task.name}: {message}"))


def _result(task: PublishTask, selected: Selected, results: Collection[FileResult], files: Collection[File]) -> PublishResult:
    """Return what follows from the results of single files. files: those that are published."""
    selected_names = {file.filename for file in selected.files if file.listed}
    waits = any(result.how == WAITS for result in results)
    return PublishResult(
        task.name, task.record, task.serial, False,
        files=len(files),
        bytes=sum(file.stored.size for file in files if file.stored is not None),
        yanked=sum(file.yanked is not False for file in files),
        hidden=sum(one.filter == _YANKED for one in selected.left_out),
        # A file that still waits after the sweep waits for the next run.
        incomplete=(task.offline and any(_lacks(result.file) for result in results)) or (waits and task.again),
        error=next((result.error for result in results if result.error), None),
        held=bool(task.hold) and not {file.filename for file in files} <= selected_names,
        full=any(result.how == FULL for result in results),
        again=waits and not task.again,
    )


def _with_folder(mirror: IRunContext, task: PublishTask, project: Project) -> Project:
    """Return the project with the files and pages that its folders hold."""
    project = scanned(mirror, project)
    found = own_paths(mirror, task.name, task.spelled)
    return project._replace(pages=tuple(dict.fromkeys((*project.pages, *found))))


def _held_files(project: Project, selected: Selected) -> tuple[File, ...]:
    """Return the published files that are no longer selected and stay because removals are held back."""
    if project.quarantined:
        return ()
    names = {file.filename for file in selected.files} | {one.file.filename for one in selected.left_out if one.urgent}
    return tuple(file for file in project.files if file.filename not in names and not file.superseded
                 and file.stored is not None and file.stored.published)


def _ensure_files(mirror: IRunContext, task: PublishTask, files: tuple[File, ...],
                  emit: Callable[[Any], None]) -> list[FileResult]:
    """Return the result of ``ensure_file`` for each file, in order."""
    attempts = mirror.attempts.bounded()
    folder = snapshot(mirror.storage, task.name, task.again) if files else NOT_LISTED
    return mirror.side_by_side.each(lambda file: _ensure_file(mirror, task, file, emit, attempts, folder), files)


def _leaves_files(project: Project, results: Iterable[FileResult], files: Iterable[File]) -> bool:
    """Whether the folder may hold files and sidecar files that the pages no longer link to. files: those to be published."""
    ensured = {result.file.filename: result.file for result in results}
    shown = {file.filename for file in files}
    return any(result.how == WAITS or _may_leave_file(result) for result in results) or any(
        _leaves_sidecars(file, ensured[file.filename]) if file.filename in shown else file.stored is not None
        for file in project.files)


def _with_results(project: Project, results: Iterable[FileResult], files: Iterable[File]) -> Project:
    """Return the project with its files as they are now. files: those to be published."""
    ensured = {result.file.filename: result.file for result in results}
    shown = {file.filename for file in files}
    # An adopted file that is lost can't be fetched again: it is reported once, then dropped.
    lost = {result.file.filename for result in results if result.file.adopted and result.error and result.how == "not found"}
    return project._replace(
        files=tuple(_marked(ensured.get(f.filename, f), shown) for f in project.files if f.filename not in lost))


def _published_content(project: Project) -> set[tuple[str, str]]:
    """Return names and hashes of the published files."""
    return {(file.filename, file.stored.sha256) for file in project.files if file.stored is not None and file.stored.published}


def _refusal(mirror: IRunContext, task: PublishTask, project: Project, results: Iterable[FileResult],
             emit: Callable[[Any], None]) -> str | None:
    """Return which pinned releases lack a file because no pin allows its hash, or None; emit a Problem for them."""
    if not any(result.how == REFUSED for result in results):
        return None
    missing = unmet(mirror.needs, task.name, select_files(mirror, project, bool(task.hold)))
    if missing is not None:
        emit(Problem(task.name, missing, "not found"))
    return missing


def _lacks(file: File) -> bool:
    return file.stored is None or bool(
        (file.core_metadata and file.stored.metadata is None) or (file.provenance and file.stored.provenance is None))


def _may_leave_file(result: FileResult) -> bool:
    """Whether a file that failed may be in the folder: it failed after it was put there, or meanwhile."""
    return result.file.stored is None and result.how in ("failed", "invalid", FULL)


def _leaves_sidecars(old: File, new: File) -> bool:
    """Whether a file has lost one of its sidecar files."""
    if old.stored is None:
        return False
    before = old.stored.beside()
    after = new.stored.beside() if new.stored is not None else {}
    return not before.keys() <= after.keys()


def _marked(file: File, shown: set[str]) -> File:
    if file.stored is None or file.stored.published == (file.filename in shown):
        return file
    return file._replace(stored=file.stored._replace(published=not file.stored.published))


def _ensure_file(mirror: IRunContext, task: PublishTask, file: File, emit: Callable[[Any], None], attempts: RetryPolicy,
                 folder: FolderSnapshot) -> FileResult:
    result = ensure_file(mirror, task.name, file, task.offline, attempts, folder)
    if result.error is not None:
        emit(Problem(task.name, result.error, result.how))
    elif result.file.stored is not None and result.how != WAITS:
        emit(FileStored(task.name, file.filename, result.file.stored.size, result.how))
    return result


def scanned(mirror: IRunContext, project: Project) -> Project:
    """Return the project with all distribution files in its folder; those without a record are hashed."""
    known = {file.filename: file for file in project.files}
    for name in mirror.storage.listdir(project.name):
        if is_distribution(name) and (name not in known or known[name].stored is None):
            path = f"{project.name}/{name}"
            stored = Stored(mirror.storage.digest(path) or "", mirror.storage.size(path) or 0)
            known[name] = known.get(name, File(name, "", listed=False))._replace(stored=stored)
    kept = (file for file in known.values() if file.listed or file.adopted or file.stored is not None)
    return project._replace(files=tuple(sorted(kept, key=lambda file: file.filename)))
