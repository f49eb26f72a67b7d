"""Descriptions of unexpected exceptions: one line for messages, the traceback for the log."""

from __future__ import annotations

import logging
import traceback

from .errors import MirrorError
from .names import shown

#: Maximum length of a message, and of a traceback in the log.
_LONGEST_MESSAGE, _LONGEST_TRACE = 500, 20_000
_logger = logging.getLogger("pypimirror")


def describe(error: BaseException, component: str | None = None, package: str = "") -> str:
    """Return one printable line about an exception: type, message and location; of a MirrorError the message only.

    component: the component that raised it, in place of the location. package: the location is in a module of this package, if
    the exception passed one.
    """
    what = summary(error)
    if isinstance(error, MirrorError):
        return what
    return f"{component}: {what}" if component else f"{what}{_place(error, package)}"


def summary(error: BaseException) -> str:
    """Return type and message of an exception in one printable line; of a MirrorError the message only."""
    message = shown(_text(error), _LONGEST_MESSAGE)
    if isinstance(error, MirrorError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def trace(error: BaseException) -> str:
    """Return the traceback of an exception, for the log."""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # formatting calls methods of the exception
        text = f"{type(error).__name__}, whose traceback can't be formatted"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST_TRACE else f"{text[:_LONGEST_TRACE // 2]}\n...\n{text[-_LONGEST_TRACE // 2:]}"


def log_error(what: str, error: BaseException) -> None:
    """Log the traceback of an exception. what: the failed operation."""
    log_trace(what, trace(error))


def log_trace(what: str, text: str) -> None:
    """Log a traceback, if a log file is open."""
    if _logger.handlers:
        _logger.error("%s", what, extra={"trace": text.rstrip()})


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error)[:2 * _LONGEST_MESSAGE].split())
    except Exception:  # a plugin's own exception may be faulty, too
        return ""


def _place(error: BaseException, package: str) -> str:
    """Return the module and line that raised the exception, in brackets: the innermost one of the package, or of all."""
    found = [(str(frame.f_globals.get("__name__", "?")), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    inside = [(module, line) for module, line in found if module.partition(".")[0] == package]
    return "".join(f" ({module}:{line})" for module, line in (inside or found)[-1:])
