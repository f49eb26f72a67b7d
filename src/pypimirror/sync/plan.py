"""What a run would do, and why: the first half of a run, on a copy of the state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..engine import boundary
from ..events import Notice
from ..interfaces import IRunContext
from ..model import Change, File
from ..selection import LeftOut
from ..state import records
from ..state.database import State
from . import brake, worklist
from .absence import Absences
from .evaluate import Evaluation, evaluate, is_up_to_date, not_found, select_files
from .pinning import Pinning
from .relearn import enduring


class PlannedProject(NamedTuple):
    """What a run would do to one project."""

    name: str
    fetch: tuple[File, ...] = ()
    #: Files that would go, each with the reason.
    remove: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    #: Whether its pages would be written, or would go.
    rewrite: bool = False
    vanish: bool = False
    #: Why nothing is known of it, or what is pinned and not to be had.
    problem: str | None = None
    #: As registered or, if it is not found, as the configuration has it.
    display: str = ""
    #: What of upstream's page is left out because it is not understood or not to be trusted.
    not_understood: tuple[str, ...] = ()


def plan(mirror: IRunContext, state: State, initial: bool, names: Iterable[str] = (),
         trust: bool = False) -> list[PlannedProject]:
    """Look at projects as a run would, at all of them and without saving anything; return what would be done to each.

    state: a copy. initial: whether upstream is asked for everything again. names: of projects to be looked at alone, or none.
    trust: whether deletions are allowed however many they are.
    What sdists need to be built is known only when they are here: it is taken from the last run.
    Raises FetchError, BadPage where upstream's list can't be had, ConfigurationError as ``worklist.selected``.
    """
    told: list[Notice] = []
    planned = enduring(mirror, state, told.append, lambda: _plan(mirror, state, initial, names, trust))
    return [*(PlannedProject("", problem=notice.message) for notice in told), *planned]


def _plan(mirror: IRunContext, state: State, initial: bool, names: Iterable[str], trust: bool) -> list[PlannedProject]:
    problems: list[str] = []
    if worklist.has_pins(mirror.settings):
        pinning = Pinning(mirror, state, lambda event: None, dry=True)
        pinning.read()
        problems += pinning.problems
    if names:
        drawn = worklist.named(mirror, state, dict.fromkeys(worklist.selected(mirror, names), True))
    else:
        drawn = worklist.draw_up(mirror, state, initial, trust, every=True)
    absences = Absences(mirror, drawn.is_exact, trust)
    done = list(boundary.run(mirror, evaluate, drawn.tasks))
    results = [item for item in done if isinstance(item, Evaluation) and not absences.holds(item)]
    failed = [PlannedProject(item.project, problem=item.error) for item in done if isinstance(item, boundary.StepFailure)]
    waited, doubt = absences.judge()
    if doubt is None:
        results += waited
    else:
        problems.append(doubt)
        results += [one._replace(change=Change(one.name), project=None, error=one.unmet) for one in waited
                    if one.name in mirror.needs.pinned]
    held = None if trust else brake.held((looked.change for looked in results), state.totals(),
                                         mirror.settings["max_deletions"], False, drawn.doubt)
    planned = sorted((*(_planned(mirror, looked) for looked in results), *failed), key=lambda one: one.name)
    return [*(PlannedProject("", problem=problem) for problem in [*problems, *filter(None, (held,))]), *planned]


def _planned(mirror: IRunContext, looked: Evaluation) -> PlannedProject:
    missing = not_found(mirror, looked.status) if looked.absent and looked.unmet is None and not looked.change else None
    if looked.project is None or looked.error is not None:
        return PlannedProject(looked.name, problem=looked.error or missing, display=looked.display)
    project = records.decode(looked.project)
    change = looked.change
    selected = mirror.selection.wanted(project.name)
    found = select_files(mirror, project) if selected else None
    wanted = found.files if found is not None else ()
    left_out = found.left_out if found is not None else ()
    names = {file.filename for file in wanted}
    reasons = {one.file.filename: one.reason for one in left_out}
    remove = [(file.filename, _why(file, project.quarantined, selected, reasons)) for file in project.files
              if file.stored is not None and file.filename not in names]
    rewrite = change.rewrite or (bool(change.fetch or change.remove) and not change.project_removed)
    return PlannedProject(project.name, tuple(file for file in wanted if not is_up_to_date(file)), tuple(remove),
                          tuple(left_out), rewrite, change.project_removed, looked.unmet or missing, looked.display,
                          looked.problems)


def _why(file: File, quarantined: bool, selected: bool, reasons: dict[str, str]) -> str:
    if quarantined:
        return "upstream quarantined the project"
    if not selected:
        return "its project is not asked for"
    if not file.listed:
        return "upstream does not list it any more"
    return reasons.get(file.filename, "not selected")


def as_json(planned: Iterable[PlannedProject], free: int | None) -> dict[str, Any]:
    """Give a plan as plain values."""
    planned = list(planned)
    fetch = [{"project": one.name, "filename": file.filename, "size": file.size} for one in planned for file in one.fetch]
    remove = [{"project": one.name, "filename": name, "why": why} for one in planned for name, why in one.remove]
    left_out = [{"project": one.name, "filename": out.file.filename, "filter": out.filter, "reason": out.reason}
                for one in planned for out in one.left_out]
    return {
        "fetch": fetch,
        "remove": remove,
        "rewrite": [one.name for one in planned if one.rewrite],
        "vanish": [one.name for one in planned if one.vanish],
        "left_out": left_out,
        "not_understood": [{"project": one.name, "problem": problem} for one in planned for problem in one.not_understood],
        "problems": [{"project": one.name, "display": one.display or one.name, "problem": one.problem}
                     for one in planned if one.problem],
        "totals": {
            "fetch_files": len(fetch),
            "fetch_bytes": sum(file["size"] or 0 for file in fetch),
            "fetch_unsized": sum(file["size"] is None for file in fetch),
            "remove_files": len(remove),
            "rewrite_projects": sum(one.rewrite for one in planned),
            "left_out_files": len(left_out),
            "free_bytes": free,
        },
    }
