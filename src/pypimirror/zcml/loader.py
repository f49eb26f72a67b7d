"""Loads the ZCML of the mirror and of plugins into a registry."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from zope.configuration import xmlconfig
from zope.configuration.config import ConfigurationMachine, resolveConflicts
from zope.configuration.exceptions import ConfigurationError as ZcmlError
from zope.configuration.xmlconfig import ParserInfo
from zope.interface.registry import Components

from ..errors import ConfigurationError, MirrorError
from ..regular_file import open_regular
from ..settings.values import Plugin
from ..tracebacks import summary
from . import builtin, stock
from .errors import format_error, place_of_parser
from .suggestions import complete_condition_error

_OURS = Plugin(builtin.PACKAGE, builtin.FILE, builtin.PACKAGE, -1)
#: The feature for ``zcml:condition="have ..."`` in ZCML that other programs load, too.
FEATURE = builtin.PACKAGE


def load(plugins: Iterable[Plugin]) -> Components:
    """Return a registry with the mirror's components and those of plugins.

    A plugin overrides registrations of lower rank under the same name. Two plugins of the same rank conflict, unless one
    includes the other. Raises ConfigurationError with file and line.
    """
    context: Any = ConfigurationMachine()
    xmlconfig.registerCommonDirectives(context)
    context.provideFeature(FEATURE)
    stock.provide(context)
    registry = context.registry = Components(builtin.PACKAGE)
    ranks: dict[int, list[Any]] = {}
    try:
        for plugin in (_OURS, *sorted(plugins, key=lambda plugin: plugin.rank)):
            before = len(context.actions)
            _include_plugin(context, plugin)
            ranks.setdefault(plugin.rank, []).extend(stock.redirect_actions(context.actions[before:], registry))
        context.actions[:] = _resolve_overrides(ranks)
        context.execute_actions()
    except ZcmlError as error:
        raise ConfigurationError(format_error(error, context)) from error
    except (MirrorError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a factory may raise what zope.configuration does not translate, such as SystemExit
        raise ConfigurationError(f"{_place_of_action(error)}: {summary(error)}") from error
    return registry


def _place_of_action(error: BaseException) -> str:
    """Return file and line of the directive whose action raised an exception."""
    places = (frame.f_locals.get("info") for frame, _ in traceback.walk_tb(error.__traceback__)
              if frame.f_code is ConfigurationMachine.execute_actions.__code__)
    return next((f"{info.file}:{info.line}" for info in places if isinstance(info, ParserInfo)), "zcml")


def _include_plugin(context: Any, plugin: Plugin) -> None:
    """Run the ZCML of a plugin. Raises ConfigurationError if its package or file can't be read."""
    where = f"{plugin.origin}: {plugin.package}{':' if plugin.package else ''}{plugin.file}"
    package = None
    try:
        if plugin.package:
            package = import_module(plugin.package)
        else:
            open_regular(plugin.file).close()
        xmlconfig.include(context, plugin.file, package)
    except ZcmlError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{where}: can't be read: {error.strerror}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the import runs a plugin's code, which may raise any exception
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if isinstance(error, ModuleNotFoundError) and f"{plugin.package}.".startswith(f"{error.name}."):
            what += "; is its distribution installed? In a buildout, eggs names it"
        elif "ZCML condition" in what:
            what = complete_condition_error(what)
        raise ConfigurationError(f"{place_of_parser(error) or where}: {what}") from error


def _resolve_overrides(ranks: dict[int, list[Any]]) -> list[Any]:
    """Return the actions of all ranks without those that a higher rank overrides. Raises ConfigurationConflictError.

    Each stands where its discriminator was claimed first, so that a filter that replaces another runs in its place.
    """
    claims = [action["discriminator"] for rank in sorted(ranks) for action in ranks[rank]]
    places = {claim: place for place, claim in reversed(list(enumerate(claims))) if claim is not None}
    actions: list[Any] = []
    claimed: set[Any] = set()
    for rank in sorted(ranks, reverse=True):
        own = resolveConflicts([action for action in ranks[rank] if action["discriminator"] not in claimed])
        claimed.update(action["discriminator"] for action in own if action["discriminator"] is not None)
        actions = own + actions
    return sorted(actions, key=lambda action: places.get(action["discriminator"], len(claims)))
