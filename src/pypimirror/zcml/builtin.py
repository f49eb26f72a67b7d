"""The kinds of components, and a fast loader for the mirror's own ``configure.zcml``.

That file has only the mirror's own directives, so it is parsed here without zope.configuration, whose import takes longer than
a run without changes. Components are imported when they are first created. With plugins, ``loader`` is used instead, with the
same result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple
from xml.parsers import expat

from zope.interface.registry import Components

from .. import interfaces

NAMESPACE = "http://namespaces.zope.org/pypimirror"
PACKAGE = "pypimirror"
FILE = "configure.zcml"
_SETTINGS = (interfaces.ISettings,)


class Kind(NamedTuple):
    """The kind of component that a directive registers."""

    #: The interface that the component provides.
    interface: Any
    #: The interfaces of the factory's arguments; empty for a utility.
    adapted: tuple[Any, ...] = _SETTINGS


#: By the name of the directive.
KINDS: Mapping[str, Kind] = {
    "source": Kind(interfaces.ISource, (interfaces.IUpstream, interfaces.IMirror)),
    "parser": Kind(interfaces.IParser, ()),
    "nameFilter": Kind(interfaces.INameFilter),
    "filter": Kind(interfaces.IFilter),
    "fetcher": Kind(interfaces.IFetcher),
    "storage": Kind(interfaces.IStorage),
    "indexWriter": Kind(interfaces.IIndexWriter),
    "engine": Kind(interfaces.IEngine, (interfaces.IMirror,)),
    "observer": Kind(interfaces.IObserver),
    "client": Kind(interfaces.IClient),
    "webServer": Kind(interfaces.IWebServer),
}


class RegistrationInfo(NamedTuple):
    """The place of a registration, and that of a filter in the order of filters."""

    file: str
    line: int
    #: Names of components of this kind that come later, and earlier; ``*`` for all others.
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Lazy:
    """A factory that is imported when it is first called; identified by its dotted name until then."""

    def __init__(self, name: str):
        """name: dotted, relative to the package ``pypimirror`` if it starts with a dot."""
        module, _, self.__qualname__ = name.rpartition(".")
        self.__module__ = PACKAGE + module if name.startswith(".") else module

    def resolve(self) -> Callable[..., Any]:
        """Return the factory itself. Raises AttributeError; ImportError if a library that it needs is missing."""
        found: Callable[..., Any] = getattr(import_module(self.__module__), self.__qualname__)
        return found

    def __call__(self, *adapted: Any) -> Any:
        return self.resolve()(*adapted)


def is_own(component: Any) -> bool:
    """Return whether a component is the mirror's own, and not one of a plugin."""
    return is_own_factory(type(component))


def is_own_factory(factory: Any) -> bool:
    """Return whether a factory makes the mirror's own components."""
    return str(getattr(factory, "__module__", "")).startswith(f"{PACKAGE}.")


def register(registry: Any, kind: Kind, name: str, factory: Callable[..., Any], info: RegistrationInfo) -> None:
    """Register a component."""
    if kind.adapted:
        registry.registerAdapter(factory, kind.adapted, kind.interface, name, info)
    else:
        registry.registerUtility(None, kind.interface, name, info, True, factory)


def load_builtin() -> Any:
    """Return a registry with only the mirror's own components."""
    registry = Components(PACKAGE)
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), FILE)
    parser = expat.ParserCreate(namespace_separator=" ")

    def begin(element: str, attributes: dict[str, str]) -> None:
        namespace, _, directive = element.rpartition(" ")
        if namespace == NAMESPACE:
            factory = Lazy(attributes["factory"])
            before, after = (tuple(attributes.get(key, "").split()) for key in ("before", "after"))
            info = RegistrationInfo(path, parser.CurrentLineNumber, before, after)
            register(registry, KINDS[directive], attributes["name"], factory, info)

    parser.StartElementHandler = begin
    with open(path, "rb") as stream:
        parser.ParseFile(stream)
    return registry
