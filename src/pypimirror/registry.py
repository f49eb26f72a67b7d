"""The registry of one mirror: filled, and asked for components."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zope.interface import providedBy
from zope.interface.interfaces import ComponentLookupError

from . import components, contracts
from .errors import ConfigurationError
from .extras import missing
from .settings.values import Plugin


def load(plugins: Iterable[Plugin] = ()) -> Any:
    """Return a registry with our components and those of plugins. Raises ConfigurationError with file and line."""
    plugins = tuple(plugins)
    if not plugins:
        return components.own()
    from . import loading  # zope.configuration, which few mirrors need

    return loading.load(plugins)


def chosen(registry: Any, adapted: Any, interface: Any, name: str, key: str) -> Any:
    """Make the component of a name that a key of the configuration gives. Raises ConfigurationError if there is none."""
    try:
        made = registry.getMultiAdapter(adapted, interface, name)
    except ComponentLookupError:
        raise ConfigurationError(f"{key} = {name!r}: there is none of that name; "
                                 f"there are {', '.join(names(registry, interface))}") from None
    except ImportError as error:
        if error.name is None or error.name.startswith(f"{components.PACKAGE}."):
            raise
        raise missing(f"{key} = {name!r}", error) from error
    return _checked(registry, made, interface, name)


def names(registry: Any, interface: Any) -> list[str]:
    """Give the names under which there are components that give an interface."""
    return sorted(r.name for r in registry.registeredAdapters() if r.provided is interface)


def every(registry: Any, adapted: Any, interface: Any) -> dict[str, Any]:
    """Make all components that give an interface, by name. Raises ConfigurationError where one does not keep its contract."""
    return {name: _checked(registry, made, interface, name) for name, made in registry.getAdapters(adapted, interface)}


def _checked(registry: Any, made: Any, interface: Any, name: str) -> Any:
    if type(made).__module__.startswith(f"{components.PACKAGE}."):
        return made  # the tests look at all of our own
    promised = (each for each in providedBy(made) if each.isOrExtends(interface))
    lack = next(filter(None, (contracts.of_component(made, each) for each in promised)), None)
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
