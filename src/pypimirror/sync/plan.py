"""Computes what a run would do, and why, on a copy of the state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..advisories import policy
from ..engine import boundary
from ..events import FilterRemoval, Notice
from ..interfaces import IRunContext
from ..model import Change, File, Project
from ..selected import LeftOut, Selected
from ..state import records
from ..state.database import DUE, Row, State
from . import brake, worklist
from .absence import Absences
from .changes import is_up_to_date, removed_files
from .evaluate import Evaluation, evaluate, not_found
from .packed_selection import unpack
from .pinning import Pinning
from .relearn import enduring
from .vulnerable import VulnerableRelease, vulnerable_releases


class PlannedProject(NamedTuple):
    """The changes that a run would make to one project."""

    name: str
    fetch: tuple[File, ...] = ()
    #: Names of the files that would be removed, each with the reason.
    remove: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    #: Whether its pages would be written, or removed.
    rewrite: bool = False
    vanish: bool = False
    #: Message about a failure, or about pinned releases without a file.
    problem: str | None = None
    #: The display name; for a project that is not found the spelling in the configuration.
    display: str = ""
    #: Messages about invalid entries on upstream's page.
    not_understood: tuple[str, ...] = ()
    change: Change = Change("")
    #: Releases that stay although advisories name them.
    vulnerable: tuple[VulnerableRelease, ...] = ()


def plan(mirror: IRunContext, state: State, initial: bool, names: Iterable[str] = (),
         trust: bool = False) -> list[PlannedProject]:
    """Evaluate all projects as a run would, without saving anything; return the changes that would be made.

    state: a copy. initial: whether all pages are read again. names: the only projects to evaluate; all if empty.
    trust: whether any number of deletions is allowed.
    Requirements of sdists that are not in the mirror are unknown.
    Raises FetchError, InvalidPage if upstream's list can't be read, ConfigurationError as ``worklist.selected``.
    """
    told: list[Notice] = []
    planned = enduring(mirror, state, told.append, lambda: _plan(mirror, state, initial, names, trust))
    return [*(PlannedProject("", problem=notice.message) for notice in told), *planned]


def _plan(mirror: IRunContext, state: State, initial: bool, names: Iterable[str], trust: bool) -> list[PlannedProject]:
    problems: list[str] = []
    pinning = None
    if mirror.settings["advisories"]:
        problems += mirror.advisories.update(mirror.fetcher, mirror.attempts, trust, dry=True).problems
    if worklist.uses_pins(mirror, state):
        pinning = Pinning(mirror, state, lambda event: None, dry=True)
        pinning.read()
    if names:
        drawn = worklist.named(mirror, state, dict.fromkeys(worklist.selected(mirror, names), True))
    else:
        drawn = worklist.draw_up(mirror, state, initial, trust, every=True)
    absences = Absences(mirror, drawn.is_exact, trust)
    done = list(boundary.run(mirror, evaluate, drawn.tasks))
    results = [item for item in done if isinstance(item, Evaluation) and not absences.holds(item)]
    failed = _failures(done)
    waited, doubt = absences.judge()
    if doubt is None:
        results += waited
    else:
        problems.append(doubt)
        results += [one._replace(change=Change(one.name), project=None, error=one.unmet) for one in waited
                    if one.name in mirror.needs.pinned]
    totals, new = state.totals(), {one.name for one in results if state.row(one.name) is None}
    if pinning is not None:
        results, more = _with_requirements(mirror, state, pinning, results)
        failed += more
        problems += pinning.problems
    verdict = None if trust else brake.judge(mirror, state, [one.change for one in results], totals, drawn.doubt)
    problems += [verdict.message] if verdict is not None else []
    planned = sorted((*(_planned(mirror, one, one.name in new) for one in results), *failed), key=lambda one: one.name)
    return [*(PlannedProject("", problem=problem) for problem in problems), *planned]


def _with_requirements(mirror: IRunContext, state: State, pinning: Pinning,
                       results: list[Evaluation]) -> tuple[list[Evaluation], list[PlannedProject]]:
    """Follow the requirements of the planned releases, as the last round of a run does of the published ones.

    Returns the evaluations with those of projects whose required releases change, and failures.
    """
    planned: dict[str, tuple[File, ...]] = {}
    state.begin()
    for one in results:
        if one.project is not None and one.error is None:
            row = state.row(one.name) or Row(one.name, one.display, None, None, DUE, 0, 0, 0, 0)
            state.save(row._replace(display=one.display), one.project)
            wanted = one.selection is not None and mirror.selection.wanted(one.name)
            planned[one.name] = unpack(one.selection, records.decode(one.project)).files if wanted and one.selection else ()
    touched = pinning.follow(True, planned)
    if not touched:
        return results, []
    # The page of a known project is not read again; only its selection changes.
    ask = {name: state.record(name) is None for name in sorted(touched)}
    done = list(boundary.run(mirror, evaluate, worklist.named(mirror, state, ask, republish=False).tasks))
    found = {one.name: one for one in results}
    for again in (item for item in done if isinstance(item, Evaluation)):
        rewrite = again.change.rewrite or (again.name in found and found[again.name].change.rewrite)
        found[again.name] = again._replace(change=again.change._replace(rewrite=rewrite))
    return list(found.values()), _failures(done)


def _failures(done: Iterable[Any]) -> list[PlannedProject]:
    return [PlannedProject(item.project, problem=item.error) for item in done if isinstance(item, boundary.StepFailure)]


def _planned(mirror: IRunContext, evaluation: Evaluation, is_new: bool) -> PlannedProject:
    """is_new: whether no sync has seen the project; what ``trash restore`` brought back is not missing."""
    change = evaluation.change
    missing = _missing(mirror, evaluation) if is_new else None
    if evaluation.project is None or evaluation.error is not None:
        return PlannedProject(evaluation.name, problem=evaluation.error or missing, display=evaluation.display)
    project = records.decode(evaluation.project)
    packed = evaluation.selection if mirror.selection.wanted(project.name) else None
    selected = unpack(packed, project) if packed is not None else None
    wanted = selected.files if selected is not None else ()
    rewrite = change.rewrite or (bool(change.fetch or change.remove) and not change.project_removed)
    return PlannedProject(
        project.name, tuple(file for file in wanted if not is_up_to_date(file)), _removals(project, selected),
        selected.left_out if selected is not None else (), rewrite, change.project_removed, evaluation.unmet or missing,
        evaluation.display, evaluation.problems, change, tuple(vulnerable_releases(mirror, project, wanted)))


def _missing(mirror: IRunContext, evaluation: Evaluation) -> str | None:
    """Return the message about a project that is neither upstream nor in the mirror, if it is not about a pin."""
    if evaluation.absent and evaluation.unmet is None and not evaluation.change:
        return not_found(mirror, evaluation.status)
    return None


def _removals(project: Project, selected: Selected | None) -> tuple[tuple[str, str], ...]:
    """Return the names of the files that would be removed, with the reasons. selected: None if the project is not selected."""
    wanted = selected.files if selected is not None else ()
    reasons = {one.file.filename: one.reason for one in selected.left_out} if selected is not None else {}
    return tuple((file.filename, _why(file, project.quarantined, selected is not None, reasons))
                 for file in removed_files(project, wanted))


def _why(file: File, quarantined: bool, selected: bool, reasons: dict[str, str]) -> str:
    if quarantined:
        return "upstream quarantined the project"
    if not selected:
        return "its project is not selected"
    if file.filename not in reasons and not file.listed:
        return "upstream does not list it any more"
    return reasons.get(file.filename, "not selected")


def as_json(planned: Iterable[PlannedProject], free: int | None,
            removals: Iterable[FilterRemoval] = ()) -> dict[str, Any]:
    """Return a plan as ``plan --json`` prints it."""
    planned = list(planned)
    fetch = [{"project": one.name, "filename": file.filename, "size": file.size} for one in planned for file in one.fetch]
    remove = [{"project": one.name, "filename": name, "why": why} for one in planned for name, why in one.remove]
    left_out = [{"project": one.name, "filename": out.file.filename, "size": out.file.size, "filter": out.filter,
                 "reason": out.reason}
                for one in planned for out in one.left_out]
    rewrite = [one.name for one in planned if one.rewrite]
    return {
        "fetch": fetch,
        "remove": remove,
        "rewrite": rewrite,
        "vanish": [one.name for one in planned if one.vanish],
        "left_out": left_out,
        "vulnerable": [_vulnerable(one.name, each) for one in planned for each in one.vulnerable],
        "removed_by": [each._asdict() for each in removals],
        **_problems(planned),
        "totals": {
            "fetch_files": len(fetch),
            "fetch_bytes": sum(file["size"] or 0 for file in fetch),
            "fetch_unsized": sum(file["size"] is None for file in fetch),
            "remove_files": len(remove),
            "rewrite_projects": len(rewrite),
            "left_out_files": len(left_out),
            "free_bytes": free,
        },
    }


def _vulnerable(name: str, release: VulnerableRelease) -> dict[str, Any]:
    return {"project": name, "version": release.version, "pinned": release.is_pinned,
            "advisories": [advisory.id for advisory in release.advisories], "reason": policy.describe(release.advisories)}


def _problems(planned: Iterable[PlannedProject]) -> dict[str, Any]:
    planned = list(planned)
    return {
        "not_understood": [{"project": one.name, "problem": problem} for one in planned for problem in one.not_understood],
        "problems": [{"project": one.name, "display": one.display or one.name, "problem": one.problem}
                     for one in planned if one.problem],
    }
