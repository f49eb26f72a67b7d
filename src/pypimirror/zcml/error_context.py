"""Describes exceptions that nobody expected: their type, and the component or the line of code that raised them.

A component is recognised by the frames of the traceback, so nothing is wrapped and nothing is slower as long as all is well.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ..errors import MirrorError
from ..names import shown
from . import builtin, registry

#: Characters of a message, and of a traceback in the log.
_LONGEST_MESSAGE, _LONGEST_TRACE = 500, 20_000
_logger = logging.getLogger("pypimirror")
#: By interface: the name of the directive, as words.
_KINDS = {kind.interface: re.sub(r"([A-Z])", r" \1", directive).lower() for directive, kind in builtin.KINDS.items()}


def describe(error: BaseException, known: Any = None) -> str:
    """Return one printable line about an exception; an error of ours is its own message.

    known: the registry of the mirror, whose components are named with the file and line that registered them.
    """
    if isinstance(error, MirrorError):
        return shown(_text(error), _LONGEST_MESSAGE)
    message = shown(_text(error), _LONGEST_MESSAGE)
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    component = None if known is None else _component(error, known)
    return f"{component}: {what}" if component else f"{what}{_place(error)}"


def trace(error: BaseException) -> str:
    """Return the traceback of an exception, for the log."""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # what formats an exception calls its own methods
        text = f"{type(error).__name__}, whose traceback can't be formatted"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST_TRACE else f"{text[:_LONGEST_TRACE // 2]}\n...\n{text[-_LONGEST_TRACE // 2:]}"


def log_error(what: str, error: BaseException) -> None:
    """Write the traceback of an exception into the log. what: what failed."""
    log_trace(what, trace(error))


def log_trace(what: str, text: str) -> None:
    """Write a traceback into the log; where no log is open there is no place for it."""
    if _logger.handlers:
        _logger.error("%s", what, extra={"trace": text.rstrip()})


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error)[:2 * _LONGEST_MESSAGE].split())
    except Exception:  # a plugin's own exception may be faulty, too
        return ""


def _component(error: BaseException, known: Any) -> str | None:
    """Name the innermost component whose code ran; if there is none, the one that ours was working with."""
    made = registry.made(known)
    frames = list(_frames(error))
    for values in (_owner, _locals):
        for frame in frames:
            for value in values(frame):
                found = made.get(id(value))
                if found is not None and found.component is value:
                    return f"{_KINDS.get(found.interface, found.interface.__name__)} {found.name!r} ({found.place})"
    return None


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames that an exception passed, the innermost one first."""
    found = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return reversed(found)


def _owner(frame: FrameType) -> list[Any]:
    """Return the first argument of what the frame runs: the object whose method that is."""
    names = frame.f_code.co_varnames[:1] if frame.f_code.co_argcount else ()
    return [frame.f_locals[name] for name in names if name in frame.f_locals]


def _locals(frame: FrameType) -> list[Any]:
    return list(frame.f_locals.values())


def _place(error: BaseException) -> str:
    """Return the module and the line that raised it, in brackets."""
    frame, line = next(iter(reversed(list(traceback.walk_tb(error.__traceback__)))), (None, 0))
    if frame is None:
        return ""
    module = frame.f_globals.get("__name__", "?")
    return f" ({module}:{line})"
