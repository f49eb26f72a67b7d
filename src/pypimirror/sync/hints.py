"""Hints about the configuration, for users of z3c.pypimirror."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..events import Notice
from ..interfaces import IRunContext
from ..model import Change
from ..state.database import State


def give_hints(mirror: IRunContext, state: State, notify: Callable[[Any], None], changes: Iterable[Change],
               serials: bool) -> None:
    """Notify the observers of hints after a run. changes: the run's changes; serials: whether upstream has serials."""

    def once(key: str, message: str) -> None:
        if state.fact(f"told_{key}") is None:
            notify(Notice(message))
            state.set_fact(f"told_{key}", "1")

    barren = state.barren()
    if barren:
        notify(Notice(f"{barren} projects offer only files that filename_matches excludes, such as wheels"))
    if (message := untimed(mirror, state)) is not None:
        notify(Notice(message))
    for warning in mirror.settings.unknown_names(lambda name: state.record(name) is not None):
        notify(Notice(warning))
    if any(change.remove_upstream for change in changes):
        once("cleanup", "what upstream took away is removed here, too, and waits in the trash; cleanup = False keeps it")
    if mirror.settings["fetch_since_days"] and serials:
        once("fetch_since_days", "fetch_since_days is not needed: upstream reports changes")


def untimed(mirror: IRunContext, state: State) -> str | None:
    """Return a message about files that ``min_age`` judges without upload time, or None."""
    files, projects = state.untimed() if mirror.settings["min_age"] else (0, 0)
    if not files:
        return None
    unknown = mirror.settings["min_age_unknown"]
    how = ("they count as old; min_age_unknown = hold holds them back from when they are first seen" if unknown == "old"
           else "they are held back from when they were first seen here")
    return (f"min_age: upstream gives no upload time for {files} files of {projects} projects: {how} "
            f"(min_age_unknown = {unknown})")
