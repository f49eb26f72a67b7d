"""The first step for a project: read its page and plan changes. Writes nothing."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..advisories.policy import are_on_pages
from ..errors import FetchError, MirrorError
from ..events import ProjectDecided
from ..interfaces import INameFilter, IRunContext
from ..model import Change, File, Project, RequiredReleases
from ..selected import Selected, Unmet
from ..state import records
from ..state.database import LISTED
from ..upstream.multi_index import serial_at
from ..zcml import registry
from . import external_links, publishers
from .changes import changes
from .decided import decided
from .freshness import is_ahead, is_unsettled
from .offered_files import select_files, stays_unlisted
from .packed_selection import PackedSelection, pack
from .vulnerable import VulnerableRelease, newly_vulnerable

if TYPE_CHECKING:
    from ..advisories.lookup import Advised
    from .page_reading import PageReading
    from .publish import PublishTask


class EvaluateTask(NamedTuple):
    """Arguments of ``evaluate`` for one project."""

    name: str
    #: The project's record, None for a new one.
    record: bytes | None = None
    #: The spelling on upstream's list.
    display: str = ""
    list_serial: str | None = None
    #: Whether the configuration selects it.
    selected: bool = True
    #: Whether a request is sent, and whether it is unconditional.
    ask: bool = True
    force: bool = False
    #: Whether upstream's list has it, and whether this run has read its page before.
    listed: bool = False
    again: bool = False
    #: For an upstream without serials: seconds since 1970; older files are ignored unless mirrored. None for all files.
    since: float | None = None
    #: Whether it may move to an index of lower precedence than its present one.
    give_over: bool = False
    #: Whether an absence counts without confirmation.
    trust: bool = False
    #: The present advisories about it and their digest; None to keep those of the record.
    advised: Advised | None = None
    #: Of a new project: publishes it in the same step if that only adds files (``pipeline``).
    publish: PublishTask | None = None
    #: Maximum bytes to fetch for that; None for any number.
    most: int | None = None


class Evaluation(NamedTuple):
    """Result of ``evaluate``."""

    name: str
    change: Change
    #: The new record; None if upstream could not be read and the record stays as it is, and for ``is_published``.
    project: bytes | None
    display: str = ""
    list_serial: str | None = None
    page_serial: str | None = None
    #: When the selection changes next because time passes, in seconds since 1970, or None.
    due: float | None = None
    #: Messages about entries of upstream's page that were ignored as malformed or unsafe.
    problems: tuple[str, ...] = ()
    error: str | None = None
    #: Message about missing pinned, named or own distributions, or None.
    unmet: str | None = None
    #: Whether upstream's page was read.
    read: bool = False
    #: Whether upstream has no such project, as the answer to a request, and the HTTP status of that answer.
    absent: bool = False
    status: int | None = None
    #: Number of adopted or pinned files that stay although upstream does not list them.
    unlisted: int = 0
    #: Number of files that a filter evaluated without upload times.
    untimed: int = 0
    #: The list's serial if the page is older than that; the page has to be read again.
    promised: str | None = None
    #: Whether the next run has to read the whole list again, since it contradicts the page.
    relist: bool = False
    #: Seconds that each filter took, by name.
    seconds: tuple[tuple[str, float], ...] = ()
    #: The selected files of the record; None if it could not be evaluated.
    selection: PackedSelection | None = None
    #: The digest of the advisories that were used; None if it is the one of the record.
    advised: str | None = None
    #: Mirrored files that an urgent filter excludes, with the reasons.
    urgent: tuple[tuple[str, str], ...] = ()
    #: Published releases that the advisories newly name.
    vulnerable: tuple[VulnerableRelease, ...] = ()
    #: For the decision log.
    decided: ProjectDecided | None = None
    #: Files of upstream that have replaced others of the same name, and that are refused.
    refused: tuple[File, ...] = ()
    #: Files that are newly held back because of their publishers, with the reasons.
    held: tuple[tuple[str, str], ...] = ()
    #: Whether the same step publishes the project.
    is_published: bool = False


class EvaluatedPage(NamedTuple):
    """An evaluation with the values that its record and selection are made of."""

    evaluation: Evaluation
    #: None if the evaluation has the record, or needs none.
    project: Project | None = None
    selected: Selected = Selected()


def evaluate(mirror: IRunContext, task: EvaluateTask, emit: Callable[[Any], None]) -> Evaluation:
    """Read a project's page and decide what a run has to do about the project; write nothing."""
    return with_record(evaluate_page(mirror, task))


def with_record(found: EvaluatedPage) -> Evaluation:
    """Return an evaluation with the project's record and selection, for the state."""
    evaluation, project, selected = found
    if project is None:
        return evaluation
    record = records.encode(project, bool(evaluation.change.fetch))  # publishing encodes it with the mirror's copies
    if project.listed:  # it is decoded again to be published
        records.remember(project, record)
    return evaluation._replace(project=record, selection=pack(selected, project))


def evaluate_page(mirror: IRunContext, task: EvaluateTask) -> EvaluatedPage:
    """Read a project's page and decide what a run has to do about the project; write nothing."""
    from .page_reading import promise  # not loaded where nothing changed

    old = records.decode(task.record) if task.record is not None else None
    if task.selected:
        mirror.selection.decide(task.name)  # a name filter that fails does so before a request is sent
    promised = promise(task, old) if task.ask else None
    try:
        reading = _read(mirror, task, old)
        project, selected = _select(mirror, task, _with_advisories(task, old, _with_display(mirror, task, reading)), reading)
    except MirrorError as error:
        kept = records.encode(old._replace(promised=promised)) if old is not None and promised else None
        return EvaluatedPage(
            Evaluation(task.name, Change(task.name), kept, error=str(error), relist=kept is None and task.ask))
    if task.ask:
        remembered = promised if is_unsettled(project) or is_ahead(project, promised) else None
        project = project._replace(promised=remembered or "")
    if reading.error is not None:
        return EvaluatedPage(Evaluation(task.name, Change(task.name), records.encode(project), project.display,
                                        error=reading.error, absent=reading.absent, status=reading.status))
    evaluation = _evaluation(mirror, task, old, reading._replace(project=project), selected, promised)
    return EvaluatedPage(evaluation, project, selected)


def _select(mirror: IRunContext, task: EvaluateTask, project: Project, reading: PageReading) -> tuple[Project, Selected]:
    """Select the files of a project; compare the publishers of those that upstream has added. Raises MirrorError."""
    if not task.selected or reading.error is not None:
        return project, Selected()
    selected = select_files(mirror, project)
    names = publishers.uncompared(selected)
    if names:
        try:
            project = publishers.with_publishers(mirror, project, names)
        except FetchError:
            if task.ask:
                raise
            # Without a request for the page, as for removals that can't wait: they stay held back until the next run.
        else:
            selected = select_files(mirror, project)
    return publishers.accepted(project, selected), selected


def _read(mirror: IRunContext, task: EvaluateTask, old: Project | None) -> PageReading:
    """Read the project's page, or return the recorded one if no request is to be sent."""
    from .page_reading import PageReading, read

    if not task.ask:
        return PageReading(old or Project(task.name, listed=False))
    return read(mirror, task, old, lambda page: select_files(mirror, _with_advisories(task, old, page)).files)


def _with_advisories(task: EvaluateTask, old: Project | None, project: Project) -> Project:
    """Return the project with the advisories of the task or else of its record."""
    if task.advised is not None:
        return project._replace(advisories=task.advised.advisories)
    return project if old is None else project._replace(advisories=old.advisories)


def _with_display(mirror: IRunContext, task: EvaluateTask, reading: PageReading) -> Project:
    """Return the project with the name as upstream's list or, if upstream does not have it, the configuration spells it."""
    project = reading.project
    named = _named(mirror, task, reading)
    if task.display or named:
        return project._replace(display=task.display or project.display or named)
    return project


def _named(mirror: IRunContext, task: EvaluateTask, reading: PageReading) -> str:
    """Return the spelling in the configuration of a project that upstream does not have, or an empty text."""
    # A further round evaluates the record again: upstream has not answered meanwhile.
    is_absent = reading.absent or not (task.ask or reading.project.listed)
    return mirror.selection.named.get(reading.project.name, "") if is_absent else ""


def _evaluation(mirror: IRunContext, task: EvaluateTask, old: Project | None, reading: PageReading, selected: Selected,
                promised: str | None) -> Evaluation:
    """Return the evaluation of a project whose page was read, without its record and selection."""
    project = reading.project
    unsettled = is_unsettled(project)
    is_doubted = unsettled or bool(reading.refused) or bool(publishers.uncompared(selected))
    missing = not_found(mirror, reading.status) if _named(mirror, task, reading) else None
    change = _with_name_filter(mirror, _changes(mirror, old, project, selected, task), task)
    list_serial, due = _next_look(mirror, task, reading, selected, is_doubted)
    return Evaluation(
        task.name, change, None, project.display, list_serial,
        None if is_doubted else serial_at(project.serial, project.upstream), due, reading.problems,
        unmet=unmet(mirror.needs, task.name, selected) or "; ".join(project.damaged) or missing,
        read=reading.read, absent=reading.absent, status=reading.status,
        promised=promised if reading.behind else None, untimed=_untimed(mirror, project, selected),
        unlisted=sum(stays_unlisted(mirror, project, file) for file in project.files),
        # Upstream's list lacks a project whose page is there, or has not changed (304): one of both is from before, and the
        # next run reads both again.
        relist=not task.listed and (unsettled or (task.ask and not reading.absent)), seconds=selected.seconds,
        advised=None if task.advised is None else task.advised.digest,
        urgent=_urgent(selected),
        vulnerable=newly_vulnerable(mirror, old, project, selected.files),
        decided=decided(mirror, old, project, selected, task.advised is not None),
        refused=reading.refused, held=tuple(publishers.newly_held(old, selected)))


def _next_look(mirror: IRunContext, task: EvaluateTask, reading: PageReading, selected: Selected,
               is_doubted: bool) -> tuple[str | None, float | None]:
    """Return the list's serial to remember, and when the project is due without a change of it."""
    if is_doubted or external_links.is_restless(mirror, reading.project):
        return None, 0.0
    if reading.absent and task.listed:
        return LISTED, 0.0
    return task.list_serial, selected.due


def _urgent(selected: Selected) -> tuple[tuple[str, str], ...]:
    """Return the names of mirrored files that are removed without the brake, with the reasons."""
    return tuple((one.file.filename, one.reason) for one in selected.left_out if one.urgent and one.file.stored is not None)


def _changes(mirror: IRunContext, old: Project | None, project: Project, selected: Selected, task: EvaluateTask) -> Change:
    """Return the changes of a project; pages are written for other advisories only if they show them."""
    if not are_on_pages(mirror.settings):
        project, old = project._replace(advisories=()), None if old is None else old._replace(advisories=())
    return changes(old, project, selected, task.selected)


def _with_name_filter(mirror: IRunContext, change: Change, task: EvaluateTask) -> Change:
    """Return the change with the name filter that excludes the project, if one does."""
    if task.selected or not change.remove:
        return change
    found = registry.created_components(mirror.registry).get(id(mirror.selection.refusing(task.name)))
    return change if found is None else change._replace(
        removed_by=((f"{INameFilter.__name__} {found.name}", change.remove),))


def _untimed(mirror: IRunContext, project: Project, selected: Selected) -> int:
    """Return how many files a filter judged without upload time; the site's own distributions are trusted without one."""
    return 0 if project.upstream and project.upstream == mirror.own.upstream else selected.untimed


def not_found(mirror: IRunContext, status: int | None) -> str:
    """Return the error message for an exact name that no upstream index has."""
    told = f" ({status})" if status is not None else ""
    return f"not found at {', '.join(mirror.upstreams)}{told}; check the name"


def unmet(needs: RequiredReleases, name: str, selected: Selected) -> str | None:
    """Return a message about pinned or required releases without a file, or None."""
    pinned, required = needs.pinned.get(name, frozenset()), needs.followed.get(name, frozenset())
    told = []
    for why, versions in (("pinned", pinned), ("required", required - pinned)):
        missing = [f"{one.version} ({'; '.join(one.reasons) or 'upstream offers no file of it'}{_until(one)})"
                   for one in selected.unmet if one.version in versions]
        if missing:
            told.append(f"{why}, but not available: {', '.join(missing)}")
    return "; ".join(told) or None


def _until(unmet: Unmet) -> str:
    """Return the end of a message about a release that a filter lets in later."""
    try:
        moment = datetime.datetime.fromtimestamp(unmet.until, datetime.timezone.utc) if unmet.until is not None else None
    except (ValueError, OverflowError, OSError):  # an upload time in the last days of the year 9999
        moment = None
    return f", until {moment:%Y-%m-%d %H:%M} UTC" if moment is not None else ""
