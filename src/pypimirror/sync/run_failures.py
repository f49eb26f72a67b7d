"""What failed in a run and will be tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import events
from ..interfaces import IRunContext
from ..state.database import State
from .publisher import Publisher
from .result_recorder import ResultRecorder

if TYPE_CHECKING:
    from .pinning import Pinning


class RunFailures:
    """The failures of projects, which the state has, and those that concern no single project."""

    def __init__(self, mirror: IRunContext, state: State, recorder: ResultRecorder, publisher: Publisher):
        self._mirror = mirror
        self._state = state
        self._recorder = recorder
        self._publisher = publisher
        #: The pins of the run, if it has any.
        self.pinning: Pinning | None = None
        #: Messages about sources of advisories.
        self.advisories: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.of_projects() or self.of_run())

    def of_projects(self) -> list[tuple[str, str]]:
        """Return the names of the projects that failed, with the messages."""
        # For a project that upstream does not have, show the name as the configuration spells it.
        return [(row.name if row.error or row.serial else row.display or row.name, str(row.error or row.unmet))
                for row in self._state.errors()]

    def of_run(self) -> list[str]:
        """Return the messages that concern no single project."""
        pins = self.pinning.problems if self.pinning is not None else []
        return [*self._mirror.own.problems, *self._recorder.problems, *pins, *self.advisories, *self._publisher.faults]

    def events(self) -> list[events.Failure]:
        """Return all failures, as the report has them."""
        found = [events.Failure(row.name, str(row.error or row.unmet), row.since) for row in self._state.errors()]
        return found + [events.Failure("", problem) for problem in self.of_run()]
