"""Error boundary of tasks: an exception in a step fails only its task, with every engine.

A run has a task for each project. An unexpected exception in one, from a faulty plugin or an unusual page, must not end the
others. That includes those that ``Exception`` does not cover, such as ``SystemExit`` or ``asyncio.CancelledError``; only Ctrl-C
ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import ConfigurationError, InsufficientSpace, MirrorError, StorageError
from ..http import cooperation
from ..interfaces import IRunContext
from ..state import records
from ..tracebacks import trace
from ..zcml.builtin import is_own
from ..zcml.error_context import describe, is_of_plugin
from .steps import Step

#: What ends the run, as does a configuration that this machine can't use: a full disk, a record to be rebuilt, Ctrl-C.
_OF_THE_RUN = (InsufficientSpace, records.BadRecord, KeyboardInterrupt)


class StepFailure(NamedTuple):
    """The result of a step that raised an exception."""

    #: Name of the step's function.
    step: str
    #: Name of the project.
    project: str
    #: The exception and its origin, in one printable line.
    error: str
    #: The traceback for the log; empty for a MirrorError, whose message is sufficient.
    trace: str = ""
    #: Whether it is a StorageError; if the storage refuses everything, the run ends.
    storage: bool = False


class BoundedStep:
    """Wraps a step: returns a StepFailure in place of an exception."""

    def __init__(self, step: Step):
        self.step = step
        #: See ``steps.in_threads``.
        self.in_threads = getattr(step, "in_threads", False)

    def __call__(self, mirror: IRunContext, task: Any, emit: Callable[[Any], None]) -> Any:
        try:
            return self.step(mirror, task, emit)
        except BaseException as error:
            if cooperation.is_abandoned() or _ends_run(error, mirror):
                raise
            known = None if isinstance(error, MirrorError) else mirror.registry
            return StepFailure(self.step.__name__, _project(task), describe(error, known),
                               "" if isinstance(error, MirrorError) else trace(error), isinstance(error, StorageError))


def run(mirror: IRunContext, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
    """Run a step for all tasks with the mirror's engine (IEngine.run); yield a StepFailure for a task that fails."""
    if is_own(mirror.engine):
        return iter(mirror.engine.run(BoundedStep(step), tasks))
    from . import plugin_engine  # not loaded without one

    return plugin_engine.run(mirror.engine, BoundedStep(step), tasks)


def _ends_run(error: BaseException, mirror: IRunContext) -> bool:
    """Whether an exception ends the run. A ConfigurationError that a plugin raises in a step concerns the task alone."""
    if isinstance(error, ConfigurationError):
        return not is_of_plugin(error, mirror.registry)
    return isinstance(error, _OF_THE_RUN)


def _project(task: Any) -> str:
    """Return the name of a task's project."""
    name = getattr(task, "name", None)
    if name is None:
        name = getattr(getattr(task, "project", None), "name", "")
    return str(name)
