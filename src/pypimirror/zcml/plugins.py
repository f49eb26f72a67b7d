"""Plugins: where their ZCML is, and what they add to the settings.

A plugin is a package with ZCML. It is named by the key ``zcml``, or it registers itself when it is installed, by an entry point
in the group ``pypimirror.plugins`` whose value is what the key would say: ``my.package`` or ``my.package:policy.zcml``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..errors import ConfigurationError
from ..interfaces import IFilter, IIndexWriter, INameFilter
from ..model import NOTHING
from ..settings import reader
from ..settings.converters import zcml
from ..settings.keys import ISetting
from ..settings.reader import PluginKeys
from ..settings.values import Plugged, Plugin, Settings
from . import registry

GROUP = "pypimirror.plugins"
_DEFAULT = "configure.zcml"
#: What the components of an interface decide on.
_DECIDES = ((INameFilter, "files"), (IFilter, "files"), (IIndexWriter, "pages"))


def find(items: Iterable[str]) -> tuple[Plugin, ...]:
    """Return all plugins: those installed that register themselves, then the items of the key ``zcml``.

    Each kind has the last word over those before it: packages installed, packages named, files that lie by themselves.
    Raises ConfigurationError.
    """
    return (*_installed(), *(_plugin(item, "zcml", 1) for item in items))


def ask(items: Iterable[str]) -> PluginKeys:
    """Load the plugins, if there are any, and return what they add. Raises ConfigurationError, with file and line."""
    plugins = find(items)
    if not plugins:
        return PluginKeys((), Plugged(), None)
    filled = registry.load(plugins)
    keys: tuple[Any, ...] = tuple(key for _, key in sorted(filled.getUtilitiesFor(ISetting)))
    affects = {key.name: key.affects for key in keys}
    return PluginKeys(keys, Plugged(plugins, affects, tuple(_components(filled))), filled)


def read(filename: str, overrides: Mapping[str, str] | None = None) -> Settings:
    """Read a configuration file, with the keys that plugins declare. Raises ConfigurationError, as ``settings.reader.read``."""
    return reader.read(filename, overrides, ask)


def plugged(settings: Settings) -> Settings:
    """Return the settings with what plugins add to them. Raises ConfigurationError.

    What reads a configuration asks them only where it must; whoever makes components begins with this.
    """
    if settings.additions is not None:
        return settings
    asked = ask(settings["zcml"])
    return settings.extended(reader.values(asked.keys, NOTHING, settings.filename), asked.additions, asked.registry)


def _installed() -> list[Plugin]:
    if not _may_be_installed():
        return []
    from importlib.metadata import entry_points

    found = []
    for point in sorted(set(entry_points(group=GROUP)), key=lambda point: (point.value, point.name)):
        origin = f"entry point {point.name!r} in {GROUP}"
        try:
            (item,) = zcml(point.value, "/")
        except ValueError as error:
            raise ConfigurationError(f"{origin}: {point.value!r}: must name {error}") from error
        found.append(_plugin(item, origin, 0))
    return found


def _may_be_installed() -> bool:
    """Whether any distribution may have such an entry point; to be sure of it takes an import that takes longer than this."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)
        except NotADirectoryError:
            return True  # an archive
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) or name == "EGG-INFO":
                with suppress(OSError), open(os.path.join(folder, name, "entry_points.txt"), "rb") as stream:
                    if GROUP.encode() in stream.read():
                        return True
    return False


def _plugin(item: str, origin: str, rank: int) -> Plugin:
    package, _, file = item.partition(":")
    if item.endswith(".zcml") and not file:
        return Plugin("", item, origin, 2)
    return Plugin(package, file or _DEFAULT, origin, rank)


def _components(filled: Any) -> list[tuple[str, str, str]]:
    """Give those of other packages that decide on the tree; a release of ours changes none of it by its name alone."""
    found = []
    for registered in filled.registeredAdapters():
        for interface, affects in _DECIDES:
            factory = registry.origin_of(registered)
            if registered.provided is interface and not factory.startswith("pypimirror."):
                found.append((affects, f"{interface.__name__} {registered.name}", factory))
    return sorted(found)
