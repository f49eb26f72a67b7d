"""The mirror's own ZCML directives; each registers in the registry that the configuration context carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.configuration.exceptions import ConfigurationError
from zope.configuration.fields import GlobalObject
from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyClass
from zope.schema import TextLine

from . import interfaces

NAMESPACE = "http://namespaces.zope.org/pypimirror"


class IComponentDirective(Interface):
    """Registers a component under a name that configurations can use."""

    name = TextLine(title="Name", description="What a configuration calls it.")
    factory = GlobalObject(title="Factory", description="A class; what it is made from stands in its interface.")


def _directive(kind: str, interface: Any, adapted: tuple[Any, ...]) -> Callable[..., None]:
    def handler(context: Any, name: str, factory: Any) -> None:
        _check(kind, name, factory, interface)
        if adapted:
            context.action((kind, name), context.registry.registerAdapter, (factory, adapted, interface, name, context.info))
        else:
            context.action((kind, name), context.registry.registerUtility, (None, interface, name, context.info, True, factory))

    handler.__doc__ = f"Register a component that gives {interface.__name__}."
    return handler


def _check(kind: str, name: str, factory: Any, interface: Any) -> None:
    """Refuse a factory that does not give what the directive promises, and say what is missing."""
    dotted = f"{factory.__module__}.{getattr(factory, '__qualname__', factory)}"
    if not interface.implementedBy(factory):
        raise ConfigurationError(f"{kind} {name!r}: {dotted} does not implement {interface.__name__}")
    try:
        verifyClass(interface, factory, tentative=True)
    except Invalid as error:
        raise ConfigurationError(f"{kind} {name!r}: {' '.join(str(error).split())}") from error


_SETTINGS = (interfaces.ISettings,)

fetcher = _directive("fetcher", interfaces.IFetcher, _SETTINGS)
parser = _directive("parser", interfaces.IParser, ())
source = _directive("source", interfaces.ISource, (interfaces.IUpstream, interfaces.IMirror))
name_filter = _directive("nameFilter", interfaces.INameFilter, _SETTINGS)
file_filter = _directive("filter", interfaces.IFilter, _SETTINGS)
storage = _directive("storage", interfaces.IStorage, _SETTINGS)
index_writer = _directive("indexWriter", interfaces.IIndexWriter, _SETTINGS)
engine = _directive("engine", interfaces.IEngine, (interfaces.IMirror,))
observer = _directive("observer", interfaces.IObserver, _SETTINGS)
