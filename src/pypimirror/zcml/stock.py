"""The directives of zope.component in the ZCML of plugins: they register in the mirror's own registry.

zope.component's ``handler`` registers in the registry of ``getSiteManager``, by default the global one of the process. Actions
that call it are replaced here by actions with the mirror's registry, before any is executed. Components for the mirror's
interfaces become registrations of the mirror's own directives, with the same checks, conflicts and overrides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from zope.component import zcml as component_zcml
from zope.component.interface import provideInterface
from zope.configuration import xmlconfig
from zope.configuration.exceptions import ConfigurationError
from zope.interface.interfaces import IInterface

from . import validation
from .builtin import KINDS, Kind, RegistrationInfo, register

#: All registered components of these kinds are used, so that they need no name.
_UNNAMED = frozenset({"nameFilter", "observer"})


def provide(context: Any) -> None:
    """Make the directives available, also without an include of zope.component's ``meta.zcml``."""
    import zope.component

    xmlconfig.include(context, "meta.zcml", zope.component)


def redirect_actions(actions: Iterable[dict[str, Any]], registry: Any) -> list[dict[str, Any]]:
    """Return the actions, those of zope.component changed to register in the registry.

    Raises ConfigurationError for a component that would have no effect.
    """
    found = []
    for action in actions:
        if action["callable"] is component_zcml.handler:
            found.append(_redirect(action, registry))
        elif action["callable"] is provideInterface:
            found += _interface_action(action, registry)
        else:
            found.append(action)
    return found


def _redirect(action: dict[str, Any], registry: Any) -> dict[str, Any]:
    method, *args = action["args"]
    info = args[-1]
    try:
        provides = args[2] if method in ("registerAdapter", "registerSubscriptionAdapter") else \
            args[1] if method == "registerUtility" else None
        kind = _directive_for(provides)
        if kind is not None:
            return _register_like_own(action, registry, kind, method, args)
    except ConfigurationError as error:
        raise _at_place(error, info) from error
    return {**action, "callable": getattr(registry, method), "args": tuple(args)}


def _directive_for(provides: Any) -> str | None:
    """Return the directive of the mirror for components that provide an interface, or None."""
    if provides is None:
        return None
    return next((name for name, kind in KINDS.items() if provides.isOrExtends(kind.interface)), None)


def _register_like_own(action: dict[str, Any], registry: Any, directive: str, method: str, args: list[Any]) -> dict[str, Any]:
    """Return the action that registers a component as the mirror's own directive does."""
    kind, where = KINDS[directive], RegistrationInfo(args[-1].file, args[-1].line)
    stock = {"registerAdapter": "adapter", "registerUtility": "utility"}.get(method, "subscriber")
    expected = ("adapter", "subscriber") if kind.adapted else ("utility",)
    if stock not in expected:
        raise ConfigurationError(f"{stock}: {_describe_kind(kind)}; use the directive {expected[0]} or pypimirror:{directive}")
    if method == "registerUtility":
        component, provides, name = args[:3]
        factory = action["kw"].get("factory")
        if component is not None:
            factory = _factory_returning(component)
            lack = validation.fault_of_component(component, provides)
        else:
            lack = validation.fault_of_factory(factory, provides, ())
    else:
        factory, required, provides, name = args[:4]
        if not _is_found_for(required, kind):
            raise ConfigurationError(f"{stock}: {_describe_kind(kind)}, not of "
                                     f"{', '.join(getattr(each, '__name__', '*') for each in required) or 'nothing'}")
        lack = validation.fault_of_factory(factory, provides, kind.adapted)
    if not name and directive in _UNNAMED:
        name = validation.dotted_name(factory)
    if not name:
        raise ConfigurationError(f"{stock}: {kind.interface.__name__} needs a name; use "
                                 f"{'adapter with a name' if stock == 'subscriber' else 'the attribute name'} "
                                 f"or the directive pypimirror:{directive}")
    if lack:
        raise ConfigurationError(f"{stock} {name!r}: {lack}")
    return {**action, "discriminator": (directive, name), "callable": register, "args": (registry, kind, name, factory, where),
            "kw": {}}


def _factory_returning(component: Any) -> Callable[[], Any]:
    """Return a factory of a component that exists, named like its class."""

    def factory() -> Any:
        return component

    factory.__module__, factory.__qualname__ = type(component).__module__, type(component).__qualname__
    return factory


def _is_found_for(required: tuple[Any, ...], kind: Kind) -> bool:
    """Return whether an adapter for these specifications is found for the objects that a component of the kind adapts."""
    return len(required) == len(kind.adapted) and all(
        wanted is None or (hasattr(wanted, "isOrExtends") and given.isOrExtends(wanted))
        for wanted, given in zip(required, kind.adapted, strict=True))


def _describe_kind(kind: Kind) -> str:
    if not kind.adapted:
        return f"{kind.interface.__name__} is a utility"
    return f"{kind.interface.__name__} is an adapter of {', '.join(each.__name__ for each in kind.adapted)}"


def _interface_action(action: dict[str, Any], registry: Any) -> list[dict[str, Any]]:
    """Return the action of the directive ``interface``; those that other directives add have no use here."""
    identifier, interface, *more = action["args"]
    kind = more[0] if more else None
    if kind is None or not kind.extends(IInterface):
        return []
    name = identifier or f"{interface.__module__}.{interface.__name__}"
    return [{**action, "callable": registry.registerUtility, "args": (interface, kind, name, action["info"]), "kw": {}}]


def _at_place(error: ConfigurationError, info: Any) -> ConfigurationError:
    with suppress(AttributeError):
        error.add_details(info)
    return error
