"""Steps of a run, and what comes back of them, wherever they run."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..interfaces import IRunContext

Step = Callable[[IRunContext, Any, Callable[[Any], None]], Any]
F = TypeVar("F", bound=Callable[..., Any])

#: More processes than that wait for upstream and for the disk, not for a processor.
_MOST_PROCESSES = 4


class Event(NamedTuple):
    """An event that a step emitted."""

    value: Any


class Returned(NamedTuple):
    """What a step returned."""

    value: Any


class Raised(NamedTuple):
    """What a step raised; it ends the run."""

    error: BaseException


def in_threads(step: F) -> F:
    """Mark a step that computes or waits for the disk: engines run it in threads."""
    step.in_threads = True  # type: ignore[attr-defined]
    return step


def do(mirror: IRunContext, step: Step, task: Any, send: Callable[[Any], None]) -> None:
    """Run a step; pass on an Event for each event, then a Returned or a Raised.

    Raises nothing, whatever the step raises: a task of which nothing came would be waited for, or forgotten.
    """
    try:
        result = step(mirror, task, lambda event: send(Event(event)))
    except BaseException as error:
        send(Raised(error))
    else:
        send(Returned(result))


def cores() -> int:
    """Return how many processes can be busy at once, 4 at most."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _MOST_PROCESSES)


def picklable(result: Any) -> Any:
    """Return a Returned or Raised as it is if it can be pickled, else a Raised with what is known of it."""
    try:
        pickle.loads(pickle.dumps(result))
        return result
    except Exception as error:
        cause = result.error if isinstance(result, Raised) else error
        return Raised(RuntimeError("".join(traceback.format_exception(cause))))
