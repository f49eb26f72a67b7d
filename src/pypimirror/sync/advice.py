"""What people with a configuration of z3c.pypimirror's time should know, said once or in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..events import Notice
from ..interfaces import IMirror
from ..model import Change
from ..state.database import State


def advise(mirror: IMirror, state: State, notify: Callable[[Any], None], changes: Iterable[Change], serials: bool) -> None:
    """Say what there is to say after a run. changes: what it did; serials: whether upstream gives serials."""

    def once(key: str, message: str) -> None:
        if state.fact(f"told_{key}") is None:
            notify(Notice(message))
            state.set_fact(f"told_{key}", "1")

    barren = state.barren()
    if barren:
        notify(Notice(f"{barren} projects offer only files that filename_matches leaves out, wheels perhaps"))
    if any(change.remove_upstream for change in changes):
        once("cleanup", "what upstream took away is removed here, too, and waits in the trash; cleanup = False keeps it")
    if mirror.settings["fetch_since_days"] and serials:
        once("fetch_since_days", "fetch_since_days is not needed: upstream tells what changed")
