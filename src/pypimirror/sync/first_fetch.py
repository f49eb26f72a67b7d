"""Requires a confirmation before a first fetch that is larger than ``confirm_above``.

The number of projects is known from upstream's list, the size only when all of them are evaluated. So a first fetch that is not
confirmed yet publishes nothing while it evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..events import PlanMade
from ..interfaces import IRunContext
from ..model import Change
from ..state.database import State
from ..state.meta_keys import CONFIRMED, LAST_GOOD


class FirstFetch(NamedTuple):
    """A first fetch that is larger than ``confirm_above``."""

    projects: int
    #: The value of ``confirm_above``, as it was written.
    limit: str
    #: What would be fetched; None before the projects are evaluated.
    plan: PlanMade | None = None


class Gate:
    """Compares a first fetch with ``confirm_above``."""

    def __init__(self, mirror: IRunContext, state: State, confirm: Callable[[FirstFetch], None] | None):
        """confirm: called with a first fetch above the limit, raises MirrorError to refuse it; None confirms each."""
        self._mirror = mirror
        self._state = state
        self._confirm = confirm
        self._limit = mirror.settings["confirm_above"]
        #: Whether this is a first fetch that may need a confirmation.
        self.is_closed = (
            confirm is not None and (self._limit.bytes, self._limit.projects) != (None, None)
            and state.fact(CONFIRMED) is None and state.fact(LAST_GOOD) is None and not state.totals().files)

    def check_projects(self, projects: int) -> None:
        """Check the number of projects to evaluate."""
        if self.is_closed and self._limit.projects is not None and projects > self._limit.projects:
            self._open(FirstFetch(projects, self._limit.text))

    def check_size(self, changes: Iterable[Change]) -> None:
        """Check the size of the files to fetch."""
        if not self.is_closed or self._limit.bytes is None:
            return
        from .evaluation_pass import plan_made  # not loaded where nothing changed

        changes = [change for change in changes if change.fetch]
        plan = plan_made(self._mirror, changes, len(changes), first=True)
        if plan.bytes > self._limit.bytes:
            self._open(FirstFetch(plan.projects, self._limit.text, plan))

    def _open(self, first: FirstFetch) -> None:
        assert self._confirm is not None
        self._confirm(first)
        self._state.set_fact(CONFIRMED, "1")
        self.is_closed = False
