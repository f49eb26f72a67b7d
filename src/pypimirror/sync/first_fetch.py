"""Requires a confirmation before a first fetch that is larger than ``confirm_above``.

The number of projects is known from upstream's list, the size only when all of them are evaluated. Meanwhile a first fetch that
is not confirmed yet publishes small projects, as long as all that is known is within the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..events import PlanMade
from ..interfaces import IRunContext
from ..model import Change
from ..state.database import State
from ..state.meta_keys import CONFIRMED, LAST_GOOD, UNCONFIRMED

#: The part of the limit that a project may have to be small: at 10 GB most of PyPI's are, and more than as many are needed to
#: exceed the limit.
_SMALL = 1024


class FirstFetch(NamedTuple):
    """A first fetch that is larger than ``confirm_above``."""

    projects: int
    #: The value of ``confirm_above``, as it was written.
    limit: str
    #: What would be fetched; None before the projects are evaluated.
    plan: PlanMade | None = None
    #: Bytes of the files that are here already, those of the plan that were fetched meanwhile among them.
    here: int = 0


class Gate:
    """Compares a first fetch with ``confirm_above``."""

    def __init__(self, mirror: IRunContext, state: State, confirm: Callable[[FirstFetch], None] | None):
        """confirm: called with a first fetch above the limit, raises MirrorError to refuse it; None confirms each."""
        self._mirror = mirror
        self._state = state
        self._confirm = confirm
        self._limit = mirror.settings["confirm_above"]
        totals = state.totals()
        #: Whether this is a first fetch that may need a confirmation.
        self.is_closed = (
            confirm is not None and (self._limit.bytes, self._limit.projects) != (None, None)
            and state.fact(CONFIRMED) is None and state.fact(LAST_GOOD) is None
            and (not totals.files or state.fact(UNCONFIRMED) is not None))
        #: Bytes that were here at the beginning, and those with all that is known to be fetched.
        self._here = self._known = totals.bytes
        #: Maximum bytes to fetch for a project that is published before the size of all is known; None for any size.
        self.small = self._limit.bytes // _SMALL if self.is_closed and self._limit.bytes is not None else None

    def has_room(self, projects: int) -> bool:
        """Whether so many further small projects can be published now."""
        if self.small is None:
            return True
        if self._known + projects * self.small > self._limit.bytes:
            return False
        self._state.set_fact(UNCONFIRMED, "1")
        return True

    def count(self, change: Change) -> None:
        """Count what is to be fetched for a project."""
        self._known += change.fetch_bytes

    def lets_in(self, change: Change) -> bool:
        """Whether a project, which was counted, can be published now."""
        return self.small is None or (change.fetch_bytes <= self.small and self.has_room(0))

    def check_projects(self, projects: int) -> None:
        """Check the number of projects to evaluate."""
        if self.is_closed and self._limit.projects is not None and projects > self._limit.projects:
            self._open(FirstFetch(projects, self._limit.text))

    def check_size(self, changes: Iterable[Change]) -> None:
        """Check the size of the files to fetch, with that of the files that were here before this run."""
        if not self.is_closed or self._limit.bytes is None:
            return
        from .evaluation_pass import plan_made  # not loaded where nothing changed

        changes = [change for change in changes if change.fetch]
        plan = plan_made(self._mirror, changes, len(changes), first=True)
        if self._here + plan.bytes > self._limit.bytes:
            self._open(FirstFetch(plan.projects, self._limit.text, plan, self._state.totals().bytes))
        self._state.set_fact(UNCONFIRMED, None)

    def _open(self, first: FirstFetch) -> None:
        assert self._confirm is not None
        self._confirm(first)
        self._state.set_fact(CONFIRMED, "1")
        self.is_closed = False
