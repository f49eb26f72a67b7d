"""The effective settings of one mirror."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from zope.interface import implementer
from zope.interface.interfaces import IComponentLookup

from ..interfaces import ISettings
from ..model import NOTHING
from ..names import list_first
from .keys import KEYS
from .plugin_types import with_sorted_sets

#: Maximum number of names in a warning.
_MOST_NAMED = 10


class Plugin(NamedTuple):
    """A ZCML file of a plugin."""

    #: The package of the file; an empty text if the file is in no package and has an absolute path.
    package: str
    file: str
    #: The key or entry point that names the plugin, for messages.
    origin: str
    #: Its registrations override those of the mirror and of plugins with lower rank under the same name.
    rank: int


class Plugged(NamedTuple):
    """The additions of plugins that affect settings and tree."""

    plugins: tuple[Plugin, ...] = ()
    #: ``Key.affects`` of their keys, by key.
    affects: Mapping[str, str] = NOTHING
    #: Their keys of the type ``names``.
    names: tuple[str, ...] = ()
    #: Their components that affect the tree: ``files`` or ``pages``, interface and name, dotted name of the factory.
    components: tuple[tuple[str, str, str], ...] = ()


class UnknownKey(KeyError):
    """The settings have no such key."""

    def __init__(self, key: str, known: Collection[str]):
        super().__init__(key)
        self._known = known

    def __reduce__(self) -> Any:
        return UnknownKey, (self.args[0], tuple(self._known))

    def __str__(self) -> str:
        from .reader import nearest

        return f"{self.args[0]!r}: no directive pypimirror:setting declares this key{nearest(str(self.args[0]), self._known)}"


@implementer(ISettings)
class Settings(Mapping[str, Any]):
    """Values by key, each with its origin. Can be pickled for other processes."""

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str], filename: str = "",
                 additions: Plugged | None = None, registry: Any = None):
        self._values = dict(values)
        self._origins = dict(origins)
        #: The configuration file, for messages.
        self.filename = filename
        #: The additions of plugins; None if plugins have not been loaded.
        self.additions = additions
        #: The registry of the mirror's components, or None if it has not been loaded. It is not pickled.
        self.registry = registry

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "registry": None}

    def __getitem__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise UnknownKey(key, self._values.keys()) from None

    def __conform__(self, interface: Any) -> Any:
        """Let ``zope.component.getUtility(..., context=settings)`` look into the mirror's registry."""
        return self.registry if interface is IComponentLookup else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def origin(self, key: str) -> str:
        return self._origins[key]

    def plugged(self, affects: str) -> list[tuple[str, Any]]:
        """Return the settings and components of plugins that affect ``files`` or ``pages``: pairs of name and plain value."""
        added = self.additions or Plugged()
        keys = [(key, with_sorted_sets(self[key])) for key, what in sorted(added.affects.items()) if what == affects]
        return keys + [(name, factory) for what, name, factory in added.components if what == affects]

    def unknown_names(self, known: Callable[[str], bool]) -> Iterator[str]:
        """Yield a warning about each list of names in a plugin's key that has names of no project.

        known: returns whether the mirror has the project with a normalised name.
        """
        for key in (self.additions or Plugged()).names:
            unknown = [name for name in self[key] if not known(name)]
            if unknown:
                yield f"{key}: the mirror has no project named {list_first(unknown, _MOST_NAMED)}; check the names"

    def replaced(self, key: str, value: Any) -> Settings:
        """Return the settings with another value of a key."""
        return Settings({**self._values, key: value}, self._origins, self.filename, self.additions, self.registry)

    def extended(self, values: Mapping[str, Any], additions: Plugged, registry: Any) -> Settings:
        """Return the settings with those of plugins. values: by key, all of them defaults."""
        origins = dict.fromkeys(values, "default")
        return Settings({**self._values, **values}, {**self._origins, **origins}, self.filename, additions, registry)


def fingerprint(settings: ISettings, affects: str, *more: Mapping[str, Collection[str]]) -> str:
    """Return the hash of the keys and plugins that affect ``files`` or ``pages``, and of the additional mappings."""
    values: list[Any] = [(key.name, settings[key.name]) for key in KEYS if affects in key.affects.split()]
    values.extend(settings.plugged(affects))
    for mapping in more:
        values.extend((name, sorted(items)) for name, items in sorted(mapping.items()))
    return hashlib.sha256(repr(values).encode()).hexdigest()[:32]
