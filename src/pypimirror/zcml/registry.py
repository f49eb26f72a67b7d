"""The component registry of one mirror: loading, and creation of components."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from zope.interface import providedBy

from .. import interfaces
from ..errors import ConfigurationError, MirrorError, missing_library
from ..settings.reader import nearest
from ..settings.values import Plugin
from . import builtin, validation
from .order import sort_names

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
    #: Returns file and line. Only messages need them, and a search of all registrations takes long.
    find_place: Callable[[], str]

    @property
    def place(self) -> str:
        return self.find_place()


def load(plugins: Iterable[Plugin] = ()) -> Any:
    """Return a registry with the mirror's components and those of plugins. Raises ConfigurationError with file and line."""
    plugins = tuple(plugins)
    if not plugins:
        return builtin.load_builtin()
    from . import loader  # imports zope.configuration, which is slow

    filled = loader.load(plugins)
    names(filled, interfaces.IFilter)  # ``before`` and ``after`` can be wrong
    return filled


def chosen(registry: Any, adapted: Any, interface: Any, name: str, key: str) -> Any:
    """Create the component that a key of the configuration names. Raises ConfigurationError for an unknown name."""
    factory = registry.adapters.lookup([providedBy(each) for each in adapted], interface, name)
    if factory is None:
        known = names(registry, interface)
        raise ConfigurationError(f"{key} = {name!r}: unknown{' scheme' if key in SCHEMES else ''}; available: "
                                 f"{', '.join(sorted(known))}{nearest(name, known) or '; no installed plugin declares it'}")
    return _create(registry, factory, adapted, interface, name, key)


def names(registry: Any, interface: Any) -> tuple[str, ...]:
    """Return the names of the registered components for an interface, in order. Raises ConfigurationError."""
    return sort_names({each.name: each.info for each in registry.registeredAdapters() if each.provided is interface})


def components_by_key(registry: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of components that may stand in a key, or as the scheme of a URL in it, by key; also ``webserver``."""
    return {key: names(registry, interface) for key, interface in {**_KEYS, **SCHEMES}.items()}


def create_all(registry: Any, adapted: Any, interface: Any) -> dict[str, Any]:
    """Create all components for an interface, by name, in order. Raises ConfigurationError if one violates its interface."""
    factories = dict(registry.adapters.lookupAll([providedBy(each) for each in adapted], interface))
    return {name: _create(registry, factories[name], adapted, interface, name) for name in names(registry, interface)}


def created_components(registry: Any) -> Mapping[int, Made]:
    """Return the components created so far, and all utilities, by ``id``."""
    found = {id(each.component): Made(each.component, each.provided, each.name, partial(place_of, each))
             for each in registry.registeredUtilities()}
    created: dict[int, Made] = registry.__dict__.get(_MADE, {})
    return found | created


def registrations(registry: Any) -> list[Any]:
    """Return all registrations: utilities, adapters, subscription adapters and handlers of events."""
    return [*registry.registeredUtilities(), *registry.registeredAdapters(), *registry.registeredSubscriptionAdapters(),
            *registry.registeredHandlers()]


def describe_component(registry: Any, component: Any) -> str:
    """Return kind, name and place of a component that was created from the registry."""
    found = created_components(registry)[id(component)]
    return f"{kind_of(found.interface)} {found.name!r} ({found.place})"


def kind_of(interface: Any) -> str:
    """Return the name of the directive for components with an interface, as words."""
    directive = next((name for name, kind in builtin.KINDS.items() if kind.interface is interface), interface.__name__)
    return re.sub(r"([A-Z])", r" \1", directive).lower()


def _create(registry: Any, factory: Any, adapted: Any, interface: Any, name: str, key: str = "") -> Any:
    """Create and check a component. key: the key that names it. Raises ConfigurationError."""
    find_place = partial(registered_at, registry, interface, name)

    def label() -> str:
        return f"{find_place()}: {kind_of(interface)} {name!r}"

    try:
        component = factory(*adapted)
        if component is None:
            raise ConfigurationError(f"{label()}: {validation.dotted_name(factory)} returned None")
        registry.__dict__.setdefault(_MADE, {})[id(component)] = Made(component, interface, name, find_place)
        lack = None if builtin.is_own(component) else _find_lack(component, interface)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ConfigurationError) or (isinstance(error, MirrorError) and builtin.is_own_factory(factory)):
            raise
        if key and isinstance(error, ImportError) and error.name and not error.name.startswith(f"{builtin.PACKAGE}."):
            raise missing_library(f"{key} = {name!r}", error) from error
        from ..tracebacks import describe

        package = str(getattr(factory, "__module__", "")).partition(".")[0]
        raise ConfigurationError(f"{label()} can't be created: {describe(error, package=package)}") from error
    if lack:
        raise ConfigurationError(f"{label()}: {lack}")
    return component


def _find_lack(component: Any, interface: Any) -> str | None:
    """Return what a plugin's component lacks of the interfaces that it provides, or None. Its properties may raise anything."""
    promised = (each for each in providedBy(component) if each.isOrExtends(interface))
    return next(filter(None, (validation.fault_of_component(component, each) for each in (*promised, interface))), None)


def registered_at(registry: Any, interface: Any, name: str) -> str:
    """Return file and line of a component's registration, which may be for a derived interface."""
    found = [each for each in registry.registeredAdapters() if each.name == name and each.provided.isOrExtends(interface)]
    return place_of(found[0]) if found else "?"


def place_of(registered: Any) -> str:
    """Return file and line of a registration."""
    info = registered.info
    return f"{info.file}:{info.line}" if hasattr(info, "file") else str(info or "?")


def origin_of(registered: Any) -> str:
    """Return the dotted name of the factory, of the handler, or of the class of a registered component."""
    return validation.dotted_name(registered.factory or type(registered.component))
