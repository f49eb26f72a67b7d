"""What went wrong with a request: in a few words, and whether it may pass."""

from __future__ import annotations

from typing import Any

from urllib3 import exceptions

from ..errors import FetchError
from .address import bare

_PASSING = (exceptions.ProtocolError, exceptions.TimeoutError, exceptions.NewConnectionError)


def failure(url: str, error: Exception, passing: tuple[type[Exception], ...] = _PASSING) -> FetchError:
    """Give the error to raise for one of urllib3, or for one of another library that comes of it.

    passing: the kinds of errors that may be none the next time.
    """
    return FetchError(bare(url), _why(error), transient=isinstance(error, passing))


def _why(error: Exception) -> str:
    """Say in a few words what went wrong; the innermost reason is the one that people understand."""
    cause: Any = error
    while True:
        inner = getattr(cause, "reason", None) or (cause.args[-1] if cause.args else None)
        inner = inner if isinstance(inner, Exception) else cause.__cause__
        if inner is None:
            break
        cause = inner
    if isinstance(cause, exceptions.IncompleteRead):
        return "the connection ended in the middle of the body"
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    if isinstance(cause, exceptions.HTTPError):
        # urllib3 puts the connection object before the message.
        text = text.rpartition(">: ")[2]
    return " ".join(text.split())
