"""The registry of one mirror, filled by ZCML."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from zope.configuration import xmlconfig
from zope.configuration.config import ConfigurationMachine, resolveConflicts
from zope.configuration.exceptions import ConfigurationError as ZcmlError
from zope.interface.interfaces import ComponentLookupError
from zope.interface.registry import Components

from . import contracts
from .errors import ConfigurationError
from .settings.values import Plugin
from .zcml_errors import in_one_line

_OURS = Plugin("pypimirror", "configure.zcml", "pypimirror", -1)
#: What ``zcml:condition="have ..."`` asks for in ZCML that is meant for other programs, too.
FEATURE = "pypimirror"


def load(plugins: Iterable[Plugin] = ()) -> Components:
    """Return a registry with our components and those of plugins.

    A plugin takes the place of what those of lower rank register under the same name; two of the same rank conflict, unless one
    includes the other. Raises ConfigurationError with file and line.
    """
    context: Any = ConfigurationMachine()
    xmlconfig.registerCommonDirectives(context)
    context.provideFeature(FEATURE)
    context.registry = Components("pypimirror")
    ranks: dict[int, list[Any]] = {}
    try:
        for plugin in (_OURS, *sorted(plugins, key=lambda plugin: plugin.rank)):
            before = len(context.actions)
            _include(context, plugin)
            ranks.setdefault(plugin.rank, []).extend(context.actions[before:])
        context.actions[:] = _uppermost(ranks)
        context.execute_actions()
    except ZcmlError as error:
        raise ConfigurationError(in_one_line(error)) from error
    return context.registry


def _include(context: Any, plugin: Plugin) -> None:
    where = f"{plugin.origin}: {plugin.package}{':' if plugin.package else ''}{plugin.file}"
    package = None
    try:
        if plugin.package:
            package = import_module(plugin.package)
        xmlconfig.include(context, plugin.file, package)
    except ZcmlError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{where}: can't be read: {error.strerror}") from error
    except Exception as error:  # importing it runs a plugin's own code, which may raise anything
        raise ConfigurationError(f"{where}: {type(error).__name__}: {' '.join(str(error).split())}") from error


def _uppermost(ranks: dict[int, list[Any]]) -> list[Any]:
    """Give the actions of all ranks less those whose name a higher rank claims. Raises ConfigurationConflictError."""
    actions: list[Any] = []
    claimed: set[Any] = set()
    for rank in sorted(ranks, reverse=True):
        own = resolveConflicts([action for action in ranks[rank] if action["discriminator"] not in claimed])
        claimed.update(action["discriminator"] for action in own if action["discriminator"] is not None)
        actions = own + actions
    return actions


def chosen(registry: Any, adapted: Any, interface: Any, name: str, key: str) -> Any:
    """Make the component of a name that a key of the configuration gives. Raises ConfigurationError if there is none."""
    try:
        made = registry.getMultiAdapter(adapted, interface, name)
    except ComponentLookupError:
        raise ConfigurationError(f"{key} = {name!r}: there is none of that name; "
                                 f"there are {', '.join(names(registry, interface))}") from None
    return _checked(registry, made, interface, name)


def names(registry: Any, interface: Any) -> list[str]:
    """Give the names under which there are components that give an interface."""
    return sorted(r.name for r in registry.registeredAdapters() if r.provided is interface)


def every(registry: Any, adapted: Any, interface: Any) -> dict[str, Any]:
    """Make all components that give an interface, by name. Raises ConfigurationError where one does not keep its contract."""
    return {name: _checked(registry, made, interface, name) for name, made in registry.getAdapters(adapted, interface)}


def _checked(registry: Any, made: Any, interface: Any, name: str) -> Any:
    lack = contracts.of_component(made, interface)
    if lack:
        registered = next(r for r in registry.registeredAdapters() if (r.provided, r.name) == (interface, name))
        raise ConfigurationError(f"{place_of(registered)}: {lack}")
    return made


def place_of(registered: Any) -> str:
    """Give file and line of what registered a component."""
    return f"{registered.info.file}:{registered.info.line}"


def origin_of(registered: Any) -> str:
    """Give the dotted name of what makes a registered component."""
    return contracts.dotted(registered.factory or type(registered.component))
