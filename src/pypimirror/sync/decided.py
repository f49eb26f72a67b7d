"""What the evaluation of a project decides about its files, for the decision log."""

from __future__ import annotations

from ..advisories.matching import advisory_fixed_by
from ..events import FileDecision, ProjectDecided
from ..filters.decisions import matching
from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import File, Project
from ..selected import Selected
from ..settings.decisions import ALLOW
from .changes import is_up_to_date, removed_files

#: Values of ``FileDecision.action``.
LET_IN, HELD_BACK, TAKEN_OUT = "let in", "held back", "taken out"


def decided(mirror: IRunContext, old: Project | None, project: Project, selected: Selected,
            is_advised: bool) -> ProjectDecided | None:
    """Return the decisions about files that differ from those of earlier runs; None without any, or without the log.

    is_advised: whether the advisories about the project have changed; then files that are still held back are named again.
    """
    if not mirror.settings["decision_log"]:
        return None
    known = {file.filename for file in old.files} if old is not None and not is_advised else set()
    reasons = {one.file.filename: (one.filter, one.reason) for one in selected.left_out}
    found = [FileDecision(file.filename, LET_IN, *_rule(mirror, project, file))
             for file in selected.files if file.stored is None and not is_up_to_date(file)]
    found += [FileDecision(one.file.filename, HELD_BACK, one.filter or "selection", one.reason)
              for one in selected.left_out if one.file.stored is None and one.file.filename not in known]
    for file in removed_files(project, selected.files):
        rule, reason = reasons.get(file.filename, ("", _why(project, file)))
        found.append(FileDecision(file.filename, TAKEN_OUT, rule or "selection", reason))
    return ProjectDecided(project.name, tuple(found)) if found else None


def _why(project: Project, file: File) -> str:
    if project.quarantined:
        return "quarantined upstream"
    return "not selected" if file.listed else "not listed upstream"


def _rule(mirror: IRunContext, project: Project, file: File) -> tuple[str, str]:
    """Return the rule that lets a file in, and the reason."""
    decision = matching(mirror.settings["decisions"].of(ALLOW, project.name), project, file)
    if decision is not None:
        return ALLOW, str(decision)
    version = parse(file.filename, project.name).version
    fixed = advisory_fixed_by(version, project.advisories) if mirror.settings["min_age"] else None
    return ("min-age", f"fix of {fixed.id}") if fixed is not None else ("selection", "")
