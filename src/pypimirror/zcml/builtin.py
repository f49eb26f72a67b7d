"""The kinds of components, and those of our own: as ``configure.zcml`` registers them, each imported when it is first made.

Our own file holds nothing but our own directives, so it is read here without zope.configuration, whose import takes longer than
a run in which nothing changed. With plugins everything is loaded by ``loading`` instead, with the same outcome.
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
    """What a directive registers."""

    #: What the component gives.
    interface: Any
    #: The interfaces of what its factory is called with; none for a utility.
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
}


class Place(NamedTuple):
    """Where something is registered."""

    file: str
    line: int


class Lazy:
    """A factory of ours that is imported when it is first called, and told apart by its dotted name until then."""

    def __init__(self, name: str):
        """name: dotted, relative to our package if it begins with a dot."""
        module, _, self.__qualname__ = name.rpartition(".")
        self.__module__ = PACKAGE + module if name.startswith(".") else module

    def resolved(self) -> Callable[..., Any]:
        """Return the factory itself. Raises ImportError where a library that it needs is missing, AttributeError."""
        found: Callable[..., Any] = getattr(import_module(self.__module__), self.__qualname__)
        return found

    def __call__(self, *adapted: Any) -> Any:
        return self.resolved()(*adapted)


def register(registry: Any, kind: Kind, name: str, factory: Callable[..., Any], place: Any) -> None:
    """Register a component. place: has ``file`` and ``line``."""
    if kind.adapted:
        registry.registerAdapter(factory, kind.adapted, kind.interface, name, place)
    else:
        registry.registerUtility(None, kind.interface, name, place, True, factory)


def own() -> Any:
    """Return a registry with our own components alone."""
    registry = Components(PACKAGE)
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), FILE)
    parser = expat.ParserCreate(namespace_separator=" ")

    def begin(element: str, attributes: dict[str, str]) -> None:
        namespace, _, directive = element.rpartition(" ")
        if namespace == NAMESPACE:
            factory = Lazy(attributes["factory"])
            register(registry, KINDS[directive], attributes["name"], factory, Place(path, parser.CurrentLineNumber))

    parser.StartElementHandler = begin
    with open(path, "rb") as stream:
        parser.ParseFile(stream)
    return registry
