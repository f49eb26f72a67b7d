"""The boundary around each task: what a step raises fails that task alone, whichever engine runs it.

A run is many tasks, one for each project. An exception that nobody expected in one of them, be it a mistake in a plugin or a
page that no parser was ready for, must not keep the others from their end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import ConfigurationError, InsufficientSpace, MirrorError, StorageError
from ..interfaces import IRunContext
from ..state import records
from ..tracebacks import trace
from ..zcml.error_context import describe
from .steps import Step

#: Errors that concern the whole run: no room for anything more, a configuration of no use here, a record to be rebuilt.
_OF_THE_RUN = (InsufficientSpace, ConfigurationError, records.BadRecord)


class StepFailure(NamedTuple):
    """The result of a step that raised an exception."""

    #: The function's name.
    step: str
    #: That of the task.
    project: str
    #: The exception and what raised it, in one printable line.
    error: str
    #: For the log; empty for an error of ours, which says all there is to say.
    trace: str = ""
    #: Whether the storage refused something: if it refuses everything, the run has no use.
    storage: bool = False


class BoundedStep:
    """A step that returns StepFailure in place of raising an exception."""

    def __init__(self, step: Step):
        self.step = step
        #: See ``steps.in_threads``.
        self.in_threads = getattr(step, "in_threads", False)

    def __call__(self, mirror: IRunContext, task: Any, emit: Callable[[Any], None]) -> Any:
        try:
            return self.step(mirror, task, emit)
        except _OF_THE_RUN:
            raise
        except Exception as error:
            known = None if isinstance(error, MirrorError) else mirror.registry
            return StepFailure(self.step.__name__, _project(task), describe(error, known),
                               "" if isinstance(error, MirrorError) else trace(error), isinstance(error, StorageError))


def run(mirror: IRunContext, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
    """Run a step for every task by the mirror's engine (IEngine.run); a task that fails gives a StepFailure."""
    return iter(mirror.engine.run(BoundedStep(step), tasks))


def _project(task: Any) -> str:
    """Return the name of the project that a task is about."""
    name = getattr(task, "name", None)
    if name is None:
        name = getattr(getattr(task, "project", None), "name", "")
    return str(name)
