"""Describes unexpected exceptions: their type, and the component or the line of code that raised them.

The component is found in the frames of the traceback, so that calls need no wrappers and normal operation is not slowed down.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from .. import tracebacks
from ..errors import MirrorError
from . import registry
from .builtin import is_own


def describe(error: BaseException, known: Any = None) -> str:
    """Return one printable line about an exception, with the component that raised it.

    known: the registry of the mirror, whose components are named with the file and line that registered them.
    """
    component = None if known is None or isinstance(error, MirrorError) else _find_component(error, known)
    return tracebacks.describe(error, component)


def _find_component(error: BaseException, known: Any) -> str | None:
    """Return the innermost component whose method raised the exception, or else one that a local variable refers to."""
    for values in (_first_argument, _local_values):
        for found in _components(error, known, values):
            return f"{registry.kind_of(found.interface)} {found.name!r} ({found.place})"
    return None


def is_of_plugin(error: BaseException, known: Any) -> bool:
    """Return whether a method of a plugin's component raised the exception, or let it pass. known: as for ``describe``."""
    return any(not is_own(found.component) for found in _components(error, known, _first_argument))


def _components(error: BaseException, known: Any, values: Callable[[FrameType], list[Any]]) -> Iterator[registry.Made]:
    """Yield the components among the values of a traceback's frames, beginning with the innermost frame."""
    made = registry.created_components(known)
    for frame in _innermost_first(error):
        for value in values(frame):
            found = made.get(id(value))
            if found is not None and found.component is value:
                yield found


def _innermost_first(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of a traceback, the innermost one first."""
    found = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return reversed(found)


def _first_argument(frame: FrameType) -> list[Any]:
    """Return the first argument of the frame's function, which is ``self`` in a method."""
    names = frame.f_code.co_varnames[:1] if frame.f_code.co_argcount else ()
    return [frame.f_locals[name] for name in names if name in frame.f_locals]


def _local_values(frame: FrameType) -> list[Any]:
    return list(frame.f_locals.values())
