"""The second half of the work on one project: get what is missing, then write its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import MirrorError
from ..events import FileStored, Problem, ProjectPublished
from ..http.retry import RetryPolicy
from ..interfaces import IMetadataIndexWriter, IRunContext
from ..model import File, Project, Stored
from ..names import METADATA, is_distribution
from ..selection import Selected
from ..state import records
from ..storage.atomic import replace
from .display_name import find_display_name
from .ensure_file import FULL, REFUSED, WAITS, FileResult, ensure_file
from .evaluate import is_published, select_files, unmet
from .folder_snapshot import NOT_LISTED, FolderSnapshot, snapshot
from .own_pages import own_paths
from .root_pages import Sections, sections

#: The name of the filter that leaves yanked files out.
_YANKED = "yanked"


class PublishTask(NamedTuple):
    """One project to be published."""

    name: str
    record: bytes
    #: Our serial of its pages, 0 if there are none, and that of this run.
    serial: int
    run: int
    selected: bool = True
    #: Whether its folder must be looked at, because an earlier run was cut off while it worked there.
    scan: bool = False
    #: Whether nothing may be fetched.
    offline: bool = False
    #: Whether removals are held back: ``upstream``, those that follow from upstream's pages; ``all``; or an empty text.
    hold: str = ""
    #: Folders that mean this project; known where ``scan`` is true.
    spelled: tuple[str, ...] = ()
    #: Whether files of it wait that this run has fetched already.
    again: bool = False
    #: The paths of the pages about all projects that have a section about each.
    sections: tuple[str, ...] = ()


class PublishResult(NamedTuple):
    """What came out of it."""

    name: str
    record: bytes
    #: Our serial of its pages, 0 if it is not in the index.
    serial: int
    #: Whether pages changed.
    written: bool
    display: str = ""
    files: int = 0
    bytes: int = 0
    yanked: int = 0
    #: How many files are left out because they are yanked, or None where that was not looked at.
    hidden: int | None = None
    #: Whether the folder may hold files that no page links to.
    unswept: bool = False
    #: Whether something is missing that a run with nothing forbidden would get.
    incomplete: bool = False
    error: str | None = None
    #: Whether there was no room for more.
    full: bool = False
    #: Whether it shows files that would have gone.
    held: bool = False
    #: Whether files of it wait for those of the same name to go.
    again: bool = False
    sections: Sections = ()
    #: Whether nothing was done, since it could not be found out which files to publish.
    skipped: bool = False


def publish(mirror: IRunContext, task: PublishTask, emit: Callable[[Any], None]) -> PublishResult:
    """Publish one project."""
    with mirror.storage.keep_open(task.name):
        return _published(mirror, task, emit)


def _published(mirror: IRunContext, task: PublishTask, emit: Callable[[Any], None]) -> PublishResult:
    project = records.decode(task.record)
    if task.scan:
        project = scanned(mirror, project)
        there = own_paths(mirror, task.name, task.spelled)
        project = project._replace(pages=tuple(dict.fromkeys((*project.pages, *there))))
    before = {file.filename for file in project.files if file.stored is not None}
    try:
        selected = select_files(mirror, project, bool(task.hold)) if task.selected else Selected()
    except MirrorError as error:
        emit(Problem(task.name, str(error)))
        return PublishResult(task.name, task.record, task.serial, False, error=str(error), skipped=True)
    wanted = selected.files
    regular = {file.filename for file in wanted if file.listed}
    if task.hold == "all" and not project.quarantined:
        names = {file.filename for file in wanted}
        wanted += tuple(f for f in project.files if f.filename not in names and not f.superseded and f.stored is not None
                        and f.stored.published)
    attempts = mirror.attempts.bounded()
    ground = snapshot(mirror.storage, task.name, task.again) if wanted else NOT_LISTED
    outcomes = mirror.crew.each(lambda file: _obtained(mirror, task, file, emit, attempts, ground), wanted)
    files = tuple(outcome.file for outcome in outcomes if outcome.file.stored is not None and outcome.how != WAITS)
    here = {outcome.file.filename: outcome.file for outcome in outcomes}
    shown = {file.filename for file in files}
    astray = any(_leaves_sidecars(file, here[file.filename]) for file in project.files if file.filename in shown)
    # What was adopted and is lost is told once and then forgotten: nobody has it.
    lost = {each.file.filename for each in outcomes if each.file.adopted and each.error and each.how == "not found"}
    project = project._replace(
        files=tuple(_marked(here.get(f.filename, f), shown) for f in project.files if f.filename not in lost))
    refusal = None
    if any(outcome.how == REFUSED for outcome in outcomes):
        refusal = unmet(mirror.needs, task.name, select_files(mirror, project, bool(task.hold)))
        if refusal is not None:
            emit(Problem(task.name, refusal, "not found"))
    waits = any(outcome.how == WAITS for outcome in outcomes)
    pages = WrittenPages(0, project.pages, False)
    if is_published(project, files, task.selected or task.hold == "all"):
        project = project._replace(display=project.display or find_display_name(mirror, project))
        pages = write_pages(mirror, project._replace(files=files), task.serial, task.run)
        project = project._replace(pages=pages.paths)
        emit(ProjectPublished(task.name, pages.written))
    return PublishResult(
        task.name, records.encode(project), pages.serial, pages.written, project.display,
        files=len(files),
        bytes=sum(file.stored.size for file in files if file.stored is not None),
        yanked=sum(file.yanked is not False for file in files),
        hidden=sum(one.filter == _YANKED for one in selected.left_out),
        unswept=not pages.serial or not before <= shown or astray or waits or any(map(_may_leave_file, outcomes)),
        # A file that still waits after the sweep waits for the next run.
        incomplete=(task.offline and any(map(_lacks, here.values()))) or (waits and task.again),
        error=next((outcome.error for outcome in outcomes if outcome.error), None) or refusal,
        held=bool(task.hold) and not {file.filename for file in files} <= regular,
        full=any(outcome.how == FULL for outcome in outcomes),
        again=waits and not task.again,
        sections=sections(mirror, project.published(), task.sections) if pages.serial and task.sections else (),
    )


def _lacks(file: File) -> bool:
    return file.stored is None or bool(
        (file.core_metadata and file.stored.metadata is None) or (file.provenance and file.stored.provenance is None))


def _may_leave_file(outcome: FileResult) -> bool:
    """Whether a file that failed may be in the folder all the same: it failed once it was there, or while it was put there."""
    return outcome.file.stored is None and outcome.how in ("failed", "invalid", FULL)


def _leaves_sidecars(old: File, new: File) -> bool:
    """Whether sidecar files of a file belong to it no more."""
    before = old.stored.beside() if old.stored is not None else {}
    after = new.stored.beside() if new.stored is not None else {}
    return not before.keys() <= after.keys()


def _marked(file: File, shown: set[str]) -> File:
    if file.stored is None or file.stored.published == (file.filename in shown):
        return file
    return file._replace(stored=file.stored._replace(published=not file.stored.published))


def _obtained(mirror: IRunContext, task: PublishTask, file: File, emit: Callable[[Any], None], attempts: RetryPolicy,
              ground: FolderSnapshot) -> FileResult:
    outcome = ensure_file(mirror, task.name, file, task.offline, attempts, ground)
    if outcome.error is not None:
        emit(Problem(task.name, outcome.error, outcome.how))
    elif outcome.file.stored is not None and outcome.how != WAITS:
        emit(FileStored(task.name, file.filename, outcome.file.stored.size, outcome.how))
    return outcome


class WrittenPages(NamedTuple):
    """A project's pages as they are now."""

    serial: int
    paths: tuple[str, ...]
    written: bool


def write_pages(mirror: IRunContext, project: Project, serial: int, run: int) -> WrittenPages:
    """Write a project's pages where they differ from what lies there, and remove those that are none any more.

    project: its files those to be shown. serial: our serial of the pages that lie there, 0 if there are none; run: that of
    this run.
    """
    if serial:
        same = rendered(mirror, project, serial)
        if not set(project.pages) - set(same) and all(mirror.storage.read(path) == page for path, page in same.items()):
            return WrittenPages(serial, tuple(same), False)
    pages = rendered(mirror, project, run)
    replace(mirror.storage, {path: (page,) for path, page in pages.items()})
    for path in project.pages:
        if path not in pages:
            mirror.storage.remove(path)
    return WrittenPages(run, tuple(pages), True)


def rendered(mirror: IRunContext, project: Project, serial: int) -> dict[str, bytes]:
    """Give the pages of a project by path."""
    pages: dict[str, bytes] = {}

    def metadata(file: File) -> bytes | None:
        has = file.stored is not None and file.stored.metadata
        return mirror.storage.read(f"{project.name}/{file.filename}{METADATA}") if has else None

    for writer in mirror.writers:
        reads = {"metadata": metadata} if IMetadataIndexWriter.providedBy(writer) else {}
        for path, page in writer.pages(project, serial, **reads):
            # Where case does not count, the normalised name's page must not be overwritten by the other one.
            if not (mirror.storage.case_insensitive and path.lower() in (known.lower() for known in pages)):
                pages[path] = page
    return pages


def scanned(mirror: IRunContext, project: Project) -> Project:
    """Give the project together with all distributions that lie in its folder, hashed where nothing is known of them."""
    known = {file.filename: file for file in project.files}
    for name in mirror.storage.listdir(project.name):
        if is_distribution(name) and (name not in known or known[name].stored is None):
            path = f"{project.name}/{name}"
            stored = Stored(mirror.storage.digest(path) or "", mirror.storage.size(path) or 0)
            known[name] = known.get(name, File(name, "", listed=False))._replace(stored=stored)
    kept = (file for file in known.values() if file.listed or file.adopted or file.stored is not None)
    return project._replace(files=tuple(sorted(kept, key=lambda file: file.filename)))
