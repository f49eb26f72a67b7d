"""Messages about events, for the log and the terminal."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from .. import events
from ..settings.units import in_bytes


@singledispatch
def sentence(event: Any) -> str:
    """Return the message about an event, or an empty text if it needs none."""
    return ""


@sentence.register
def _(event: events.RunStarted) -> str:
    return f"{event.kind} run of {event.mirror}"


@sentence.register
def _(event: events.ListRead) -> str:
    if event.unchanged:
        return "upstream's list has not changed"
    return f"upstream lists {event.total} projects, {event.selected} of them are selected"


@sentence.register
def _(event: events.EvaluationStarted) -> str:
    return f"looking at {event.projects} projects" if event.projects else ""


@sentence.register
def _(event: events.PlanMade) -> str:
    parts = [f"{event.projects} projects", f"{event.files} files with {in_bytes(event.bytes)} to fetch"]
    if event.unsized:
        parts.append(f"{event.unsized} of them of unknown size")
    if event.remove:
        by = ", ".join(f"{each.files} of {each.projects} projects by {each.filter}" for each in event.removals)
        parts.append(f"{event.remove} to remove" + (f" ({by})" if by else ""))
    if event.free is not None:
        parts.append(f"{in_bytes(event.free)} free")
    return ("first fetch: " if event.first else "") + ", ".join(parts)


@sentence.register
def _(event: events.FileStored) -> str:
    return f"{event.project}: {event.filename} {event.how}, {in_bytes(event.size)}"


@sentence.register
def _(event: events.FileRemoved) -> str:
    return f"{event.project}: {event.filename} removed"


@sentence.register
def _(event: events.Problem) -> str:
    return f"{event.project}: {event.message}" if event.project else event.message


@sentence.register
def _(event: events.Notice) -> str:
    return event.message


@sentence.register
def _(event: events.VerificationStarted) -> str:
    done = f"; {event.done} projects were verified by the run that was cut off" if event.done else ""
    return f"verifying {event.projects} projects, {event.files} files, {in_bytes(event.bytes)}{done}"


@sentence.register
def _(event: events.FaultFound) -> str:
    return f"{event.path}: {event.message}"


@sentence.register
def _(event: events.FaultRepaired) -> str:
    return f"{event.path}: repaired"


@sentence.register
def _(event: events.VerificationFinished) -> str:
    wrong = f"wrong: {event.wrong}, repaired: {event.repaired}" if event.wrong else "nothing is wrong"
    return f"verified {event.projects} projects, {event.files} files, {in_bytes(event.bytes)}: {wrong}"


@sentence.register
def _(event: events.RunFinished) -> str:
    counted = ", ".join(f"{key} {value}" for key, value in event.statistics.items())
    return f"run ended with {event.status} after {event.runtime:.1f} s" + (f": {counted}" if counted else "")
