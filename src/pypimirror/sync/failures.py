"""Logs unexpected exceptions."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import MirrorError

if TYPE_CHECKING:
    from ..engine.boundary import StepFailure

#: Raised by sqlite3 for a value of a wrong type, even if the database is intact.
_BAD_VALUE = (sqlite3.ProgrammingError, sqlite3.InterfaceError)


def alone(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a method that records the result of one project: an exception fails that project alone.

    The method belongs to an object with ``failed``, and its first argument has the ``name`` of the project.
    """

    @functools.wraps(method)
    def guarded(recorder: Any, result: Any, *more: Any) -> Any:
        try:
            return method(recorder, result, *more)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, MirrorError) or (isinstance(error, sqlite3.Error) and not isinstance(error, _BAD_VALUE)):
                raise  # the state itself
            from ..engine.boundary import StepFailure  # not loaded where nothing changed
            from ..tracebacks import describe, trace

            failure = StepFailure(method.__name__, result.name, describe(error), trace(error))
            log(failure)
            recorder.failed(failure)
            return False

    return guarded


def log(failure: StepFailure) -> None:
    """Write the traceback of a step that failed into the log."""
    from ..tracebacks import log_trace

    if failure.trace:
        log_trace(f"{failure.project}: {failure.step} failed", failure.trace)
