"""Types of keys that are functions of plugins: their values are compared between runs and travel to other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class PluginType:
    """Calls a plugin's function of a text and a folder, and checks the value."""

    def __init__(self, function: Callable[[str, str], Any]):
        self._function = function
        self.__module__ = getattr(function, "__module__", "?")
        self.__qualname__ = getattr(function, "__qualname__", repr(function))

    def __call__(self, value: str, folder: str) -> Any:
        """Return the value. Raises ValueError with a description of valid values, TypeError for a value that is not plain."""
        try:
            found = self._function(value, folder)
        except ValueError as error:
            if str(error):
                raise
            raise ValueError(f"a value that {self.__module__}.{self.__qualname__} accepts") from error
        if not _is_plain(found):
            raise TypeError(f"it returned {found!r}; a value and its copy by pickle must have the same repr, as texts have")
        return found


def with_sorted_sets(value: Any) -> Any:
    """Return a plain value with sets as sorted lists, since the order in the repr of a set differs between processes."""
    if isinstance(value, (set, frozenset)):
        return sorted(map(with_sorted_sets, value), key=repr)
    if type(value) in (tuple, list):
        return type(value)(map(with_sorted_sets, value))
    if type(value) is dict:
        return {key: with_sorted_sets(item) for key, item in value.items()}
    return value


def _is_plain(value: Any) -> bool:
    import pickle  # not loaded without such a type

    try:
        copy = pickle.loads(pickle.dumps(value))  # noqa: S301  # our own
    except KeyboardInterrupt:
        raise
    except BaseException:  # pickle calls methods of the plugin
        return False
    return repr(with_sorted_sets(copy)) == repr(with_sorted_sets(value))
