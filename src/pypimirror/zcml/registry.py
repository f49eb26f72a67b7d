"""The component registry of one mirror: loading, and creation of components."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from zope.interface import providedBy
from zope.interface.interfaces import ComponentLookupError

from .. import interfaces
from ..errors import ConfigurationError, MirrorError, missing_library
from ..settings.reader import nearest
from ..settings.values import Plugin
from . import builtin, validation
from .order import in_order

#: The keys whose values are names of components.
_KEYS = {"filters": interfaces.IFilter, "index_formats": interfaces.IIndexWriter, "fetcher": interfaces.IFetcher,
         "engine": interfaces.IEngine, "webserver": interfaces.IWebServer}
#: The keys whose values may be URLs, with schemes that are names of components.
SCHEMES = {"mirror_file_path": interfaces.IStorage, "index_url": interfaces.ISource}
#: Attribute of a registry with the components that were created from it.
_MADE = "pypimirror_made"


class Made(NamedTuple):
    """A component that was created, and its registration."""

    component: Any
    interface: Any
    name: str
    #: File and line.
    place: str


def load(plugins: Iterable[Plugin] = ()) -> Any:
    """Return a registry with the mirror's components and those of plugins. Raises ConfigurationError with file and line."""
    plugins = tuple(plugins)
    if not plugins:
        return builtin.own()
    from . import loader  # imports zope.configuration, which is slow

    filled = loader.load(plugins)
    names(filled, interfaces.IFilter)  # ``before`` and ``after`` can be wrong
    return filled


def chosen(registry: Any, adapted: Any, interface: Any, name: str, key: str) -> Any:
    """Create the component that a key of the configuration names. Raises ConfigurationError for an unknown name."""
    try:
        found = registry.getMultiAdapter(adapted, interface, name)
    except ComponentLookupError:
        known = names(registry, interface)
        raise ConfigurationError(f"{key} = {name!r}: unknown; available: {', '.join(sorted(known))}"
                                 f"{nearest(name, known)}") from None
    except ImportError as error:
        if error.name is None or error.name.startswith(f"{builtin.PACKAGE}."):
            raise
        raise missing_library(f"{key} = {name!r}", error) from error
    except (MirrorError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _failed(registry, interface, name, error) from error
    return _checked(registry, found, interface, name)


def names(registry: Any, interface: Any) -> tuple[str, ...]:
    """Return the names of the registered components for an interface, in order. Raises ConfigurationError."""
    return in_order({each.name: each.info for each in registry.registeredAdapters() if each.provided is interface})


def components_by_key(registry: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of components that may stand in a key, or as the scheme of a URL in it, by key; also ``webserver``."""
    return {key: names(registry, interface) for key, interface in {**_KEYS, **SCHEMES}.items()}


def every(registry: Any, adapted: Any, interface: Any) -> dict[str, Any]:
    """Create all components for an interface, by name, in order. Raises ConfigurationError if one violates its interface."""
    found = {}
    factories = dict(registry.adapters.lookupAll([providedBy(each) for each in adapted], interface))
    for name, factory in ((name, factories[name]) for name in names(registry, interface)):
        try:
            component = factory(*adapted)
        except (MirrorError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise _failed(registry, interface, name, error) from error
        if component is not None:
            found[name] = _checked(registry, component, interface, name)
    return found


def made(registry: Any) -> Mapping[int, Made]:
    """Return the components created so far, and all utilities, by ``id``."""
    found = {id(each.component): Made(each.component, each.provided, each.name, place_of(each))
             for each in registry.registeredUtilities()}
    created: dict[int, Made] = registry.__dict__.get(_MADE, {})
    return found | created


def registrations(registry: Any) -> list[Any]:
    """Return all registrations: utilities, adapters, subscription adapters and handlers of events."""
    return [*registry.registeredUtilities(), *registry.registeredAdapters(), *registry.registeredSubscriptionAdapters(),
            *registry.registeredHandlers()]


def label(registry: Any, component: Any) -> str:
    """Return kind, name and place of a component that was created from the registry."""
    found = made(registry)[id(component)]
    return f"{kind_of(found.interface)} {found.name!r} ({found.place})"


def kind_of(interface: Any) -> str:
    """Return the name of the directive for components with an interface, as words."""
    directive = next((name for name, kind in builtin.KINDS.items() if kind.interface is interface), interface.__name__)
    return re.sub(r"([A-Z])", r" \1", directive).lower()


def _failed(registry: Any, interface: Any, name: str, error: BaseException) -> ConfigurationError:
    """Return the error for a component whose creation or check raises an exception."""
    from ..tracebacks import describe

    return ConfigurationError(f"{registered_at(registry, interface, name)}: {interface.__name__[1:]} {name!r} can't be made: "
                              f"{describe(error)}")


def registered_at(registry: Any, interface: Any, name: str) -> str:
    """Return file and line of a component's registration, which may be for a derived interface."""
    found = [each for each in registry.registeredAdapters() if each.name == name and each.provided.isOrExtends(interface)]
    return place_of(found[0]) if found else "?"


def _checked(registry: Any, made: Any, interface: Any, name: str) -> Any:
    place = registered_at(registry, interface, name)
    registry.__dict__.setdefault(_MADE, {})[id(made)] = Made(made, interface, name, place)
    if builtin.is_own(made):
        return made  # the tests verify all of these
    try:
        promised = (each for each in providedBy(made) if each.isOrExtends(interface))
        lack = next(filter(None, (validation.of_component(made, each) for each in promised)), None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # attributes may be properties of a plugin
        raise _failed(registry, interface, name, error) from error
    if lack:
        raise ConfigurationError(f"{place}: {lack}")
    return made


def place_of(registered: Any) -> str:
    """Return file and line of a registration."""
    info = registered.info
    return f"{info.file}:{info.line}" if hasattr(info, "file") else str(info or "?")


def origin_of(registered: Any) -> str:
    """Return the dotted name of the factory, of the handler, or of the class of a registered component."""
    return validation.dotted(registered.factory or type(registered.component))
