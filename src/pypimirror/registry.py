"""The registry of one mirror, filled by ZCML."""

from __future__ import annotations

from typing import Any

from zope.configuration import xmlconfig
from zope.configuration.config import ConfigurationMachine
from zope.configuration.exceptions import ConfigurationError as ZcmlError
from zope.interface.interfaces import ComponentLookupError
from zope.interface.registry import Components

import pypimirror

from .errors import ConfigurationError
from .interfaces import ISettings


def load(settings: ISettings) -> Components:
    """Return a registry with our components. Raises ConfigurationError with file and line."""
    registry = Components("pypimirror")
    context: Any = ConfigurationMachine()
    xmlconfig.registerCommonDirectives(context)
    context.registry = registry
    try:
        xmlconfig.include(context, "configure.zcml", pypimirror)
        context.execute_actions()
    except ZcmlError as error:
        raise ConfigurationError(" ".join(str(error).split())) from error
    return registry


def chosen(registry: Any, adapted: Any, interface: Any, name: str, key: str) -> Any:
    """Return the component of a name that a key of the configuration gives. Raises ConfigurationError if there is none."""
    try:
        return registry.getMultiAdapter(adapted, interface, name)
    except ComponentLookupError:
        names = sorted(r.name for r in registry.registeredAdapters() if r.provided is interface)
        raise ConfigurationError(f"{key} = {name!r}: there is none of that name; there are {', '.join(names)}") from None
