"""Finds the ZCML of plugins, and adds their keys to the settings.

A plugin is a package with ZCML. The key ``zcml`` names it, or it has an entry point in the group ``pypimirror.plugins`` with
the same syntax: ``my.package`` or ``my.package:policy.zcml``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..errors import ConfigurationError
from ..interfaces import IFilter, IIndexWriter, INameFilter
from ..settings import converters, reader
from ..settings.converters import zcml
from ..settings.keys import ISetting
from ..settings.reader import PluginKeys
from ..settings.values import Plugged, Plugin, Settings
from . import registry

GROUP = "pypimirror.plugins"
_DEFAULT = "configure.zcml"
#: The interfaces of components that affect the tree.
_DECIDES = ((INameFilter, "files"), (IFilter, "files"), (IIndexWriter, "pages"))


def find_plugins(items: Iterable[str]) -> tuple[Plugin, ...]:
    """Return all plugins: installed ones with an entry point, then the items of the key ``zcml``.

    Their ranks are, in ascending order: installed packages, packages that the key names, files without a package.
    Raises ConfigurationError.
    """
    return (*_find_installed(), *(_parse_plugin(item, "zcml", 1) for item in items))


def load_keys(items: Iterable[str]) -> PluginKeys:
    """Load all plugins and return their keys and components. Raises ConfigurationError with file and line."""
    plugins = find_plugins(items)
    if not plugins:
        return PluginKeys((), Plugged(), None)
    filled = registry.load(plugins)
    keys: tuple[Any, ...] = tuple(key for _, key in sorted(filled.getUtilitiesFor(ISetting)))
    affects = {key.name: key.affects for key in keys}
    names = tuple(key.name for key in keys if key.kind is converters.names)
    return PluginKeys(keys, Plugged(plugins, affects, names, tuple(_foreign_components(filled))), filled)


def read(filename: str, overrides: Mapping[str, str] | None = None) -> Settings:
    """Read a configuration file with the keys of plugins. Raises ConfigurationError, see ``settings.reader.read``."""
    return reader.read(filename, overrides, load_keys)


def with_plugin_keys(settings: Settings) -> Settings:
    """Return the settings with the keys of plugins. Raises ConfigurationError.

    ``read`` loads plugins only if needed; call this before components are created.
    """
    if settings.additions is not None:
        return settings
    asked = load_keys(settings["zcml"])
    values = reader.convert_values(asked.keys, {}, settings.filename, settings["relative_to"])
    return settings.extended(values, asked.additions, asked.registry)


def components(settings: Settings) -> Any:
    """Return the registry of a mirror's components, loaded once for its settings. Raises ConfigurationError."""
    if settings.registry is None:
        settings.registry = registry.load(settings.additions.plugins if settings.additions else ())
    return settings.registry


def _find_installed() -> list[Plugin]:
    """Return the plugins that installed packages name as entry points. Raises ConfigurationError."""
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
        found.append(_parse_plugin(item, origin, 0))
    return found


def _may_be_installed() -> bool:
    """Return whether any distribution may have such an entry point. Much faster than the import of importlib.metadata."""
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


def _parse_plugin(item: str, origin: str, rank: int) -> Plugin:
    package, _, file = item.partition(":")
    if item.endswith(".zcml") and not file:
        return Plugin("", item, origin, 2)
    return Plugin(package, file or _DEFAULT, origin, rank)


def _foreign_components(filled: Any) -> list[tuple[str, str, str]]:
    """Return the components of other packages that affect the tree, in order.

    Those of the mirror are left out, so that a new name of one changes nothing.
    """
    found = []
    for interface, affects in _DECIDES:
        by_name = {each.name: each for each in filled.registeredAdapters() if each.provided is interface}
        for name in registry.names(filled, interface):
            factory, info = registry.origin_of(by_name[name]), by_name[name].info
            if not factory.startswith("pypimirror."):
                place = "".join(f" {word} {' '.join(names)}" for word, names in
                                (("before", info.before), ("after", info.after)) if names)
                found.append((affects, f"{interface.__name__} {name}", factory + place))
    return found
