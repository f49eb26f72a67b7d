"""The effective settings of one mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from zope.interface import implementer

from ..interfaces import ISettings
from ..model import NOTHING


class Plugin(NamedTuple):
    """A file of ZCML that a plugin brings."""

    #: The package that the file lies in, or an empty text for a file by itself, whose path is absolute then.
    package: str
    file: str
    #: Who asks for it, for messages.
    origin: str
    #: What it registers takes the place of what plugins of lower rank and we ourselves register under the same name.
    rank: int


class Plugged(NamedTuple):
    """What plugins add."""

    plugins: tuple[Plugin, ...] = ()
    #: What their keys affect, by key.
    affects: Mapping[str, str] = NOTHING
    #: Their components that decide on the tree: what they affect, kind and name, dotted name of the factory.
    components: tuple[tuple[str, str, str], ...] = ()


@implementer(ISettings)
class Settings(Mapping[str, Any]):
    """Values by key, each with its origin. Plain data, so that it travels to other processes."""

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str], filename: str = "",
                 additions: Plugged | None = None, registry: Any = None):
        self._values = dict(values)
        self._origins = dict(origins)
        #: The configuration file, for messages.
        self.filename = filename
        #: What plugins add; None as long as nobody asked them.
        self.additions = additions
        #: The registry that was filled in order to ask them, or None. It stays behind when the settings travel.
        self.registry = registry

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "registry": None}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def origin(self, key: str) -> str:
        return self._origins[key]

    def plugged(self, affects: str) -> list[tuple[str, Any]]:
        """Return what plugins add to all that decides on ``files`` or ``pages``: pairs of a text and a plain value."""
        added = self.additions or Plugged()
        keys = [(key, self[key]) for key, what in sorted(added.affects.items()) if what == affects]
        return keys + [(name, factory) for what, name, factory in added.components if what == affects]

    def extended(self, values: Mapping[str, Any], additions: Plugged, registry: Any) -> Settings:
        """Give the settings with those of plugins; values: by key, all of them defaults."""
        origins = dict.fromkeys(values, "default")
        return Settings({**self._values, **values}, {**self._origins, **origins}, self.filename, additions, registry)
