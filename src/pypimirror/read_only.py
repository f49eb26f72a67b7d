"""A dictionary that can't be changed: the mappings in values that many components share."""

from __future__ import annotations

from typing import Any, NoReturn


class ReadOnlyDict(dict[str, Any]):
    """Raises TypeError for each change. Unlike ``types.MappingProxyType`` it can be pickled and written as JSON."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return ReadOnlyDict, (dict(self),)

    def _refuse(self, *args: object, **options: object) -> NoReturn:
        raise TypeError("values are read-only; build a new mapping")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
