"""Steps of a run, and their results."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..interfaces import IRunContext

Step = Callable[[IRunContext, Any, Callable[[Any], None]], Any]
F = TypeVar("F", bound=Callable[..., Any])

#: Maximum number of processes; with more, upstream and the disk are the bottleneck.
_MOST_PROCESSES = 4


class Event(NamedTuple):
    """An event that a step emitted."""

    value: Any


class Returned(NamedTuple):
    """The return value of a step."""

    value: Any


class Raised(NamedTuple):
    """The exception of a step; it ends the run."""

    error: BaseException


def in_threads(step: F) -> F:
    """Mark a step that computes or waits for the disk: engines run it in threads."""
    step.in_threads = True  # type: ignore[attr-defined]
    return step


def computes(step: Step) -> bool:
    """Whether a step is marked with ``in_threads``."""
    return bool(getattr(step, "in_threads", False))


def do(mirror: IRunContext, step: Step, task: Any, send: Callable[[Any], None]) -> None:
    """Run a step; send an Event for each event, then a Returned or a Raised.

    Raises nothing: the engine waits for a result of every task.
    """
    try:
        result = step(mirror, task, lambda event: send(Event(event)))
    except BaseException as error:
        send(Raised(error))
    else:
        send(Returned(result))


def cores() -> int:
    """Return the number of usable processors, 4 at most."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _MOST_PROCESSES)


def picklable(result: Any) -> Any:
    """Return a result unchanged if it can be pickled and unpickled, else a Raised with the traceback as text."""
    try:
        pickle.loads(pickle.dumps(result))
        return result
    except Exception as error:
        cause = result.error if isinstance(result, Raised) else error
        return Raised(RuntimeError("".join(traceback.format_exception(cause))))
