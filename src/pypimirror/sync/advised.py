"""The projects of the mirror whose advisories have changed since their last evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..interfaces import IRunContext
from ..state.database import State
from ..state.meta_keys import ADVISORIES

if TYPE_CHECKING:
    from ..advisories.lookup import Advised


def are_used(mirror: IRunContext, state: State) -> bool:
    """Return whether the configuration has advisories, or had some in an earlier run."""
    return bool(mirror.settings["advisories"]) or state.fact(ADVISORIES) is not None


def advised(mirror: IRunContext, state: State, name: str) -> Advised | None:
    """Return the advisories about a project for its evaluation; None if those of its record are the present ones."""
    if not are_used(mirror, state):
        return None
    row = state.row(name)
    return mirror.advisories.changed(name, row.advised if row is not None else "")


def changed(mirror: IRunContext, state: State) -> dict[str, bool]:
    """Return the names of the known projects with other advisories than at their last evaluation.

    The value is whether one of the present advisories is about malicious releases.
    """
    if not are_used(mirror, state):
        return {}
    generation = mirror.advisories.generation
    if generation == (state.fact(ADVISORIES) or ""):
        return {}
    digests = mirror.advisories.digests()
    found = {}
    for name, digest in state.advised():
        present, is_malicious = digests.get(name, ("", False))
        if present != digest:
            found[name] = is_malicious
    return found


def remember(mirror: IRunContext, state: State) -> None:
    """Record that a whole run has used the present advisories."""
    if are_used(mirror, state):
        state.set_fact(ADVISORIES, mirror.advisories.generation or None)
