"""The order of components of one kind: that of their registration, changed by ``before`` and ``after``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import ConfigurationError
from ..settings.reader import nearest
from .builtin import RegistrationInfo

#: In ``before`` and ``after``: all other components.
ALL = "*"


def sort_names(found: Mapping[str, RegistrationInfo]) -> tuple[str, ...]:
    """Return the names in order.

    Those before and after all others come first and last. A component that names others is put next to them, the rest keeps the
    order of registration.

    found: by name, in the order of registration. Raises ConfigurationError with file and line.
    """
    placed = [name for name, info in found.items() if not _names_to_wait_for(info)]
    placed.sort(key=lambda name: (ALL in found[name].after) - (ALL in found[name].before))
    waiting = [name for name in found if name not in placed]
    for name in waiting:
        _check_names(name, found)
    while waiting:
        ready = next((name for name in waiting if not _names_to_wait_for(found[name]).intersection(waiting)), None)
        if ready is None:
            raise _error(found[waiting[0]], waiting[0], f"before and after form a circle with {', '.join(waiting[1:])}")
        waiting.remove(ready)
        placed.insert(_find_position(ready, placed, found), ready)
    return tuple(placed)


def _names_to_wait_for(info: RegistrationInfo) -> set[str]:
    return {*info.before, *info.after} - {ALL}


def _check_names(name: str, found: Mapping[str, RegistrationInfo]) -> None:
    """Raise ConfigurationError if ``before`` or ``after`` name a component that is not registered, or this one."""
    for other in (*found[name].before, *found[name].after):
        if other == name:
            raise _error(found[name], name, "before and after can't name the component itself")
        if other not in found and other != ALL:
            raise _error(found[name], name, f"before and after name {other!r}, which is not registered{nearest(other, found)}")


def _find_position(name: str, placed: Sequence[str], found: Mapping[str, RegistrationInfo]) -> int:
    """Return where a name is inserted between those that are placed. Raises ConfigurationError."""
    info = found[name]
    before = [placed.index(other) for other in info.before if other != ALL]
    after = [placed.index(other) for other in info.after if other != ALL]
    if before and after and max(after) >= min(before):
        raise _error(info, name, f"can't be both after {placed[max(after)]!r} and before {placed[min(before)]!r}")
    if before:
        return min(before)
    position = max(after) + 1
    # Several that come after the same component keep the order of registration.
    while position < len(placed) and set(found[placed[position]].after).intersection(info.after):
        position += 1
    return position


def _error(info: RegistrationInfo, name: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"{info.file}:{info.line}: {name!r}: {what}")
