"""The mirror's own ZCML directives, in the namespace http://namespaces.zope.org/pypimirror.

Each registers one component, or one key of the configuration, in the registry that the configuration context carries. A schema
says what a directive takes, the handler below it what comes of that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from zope.configuration.exceptions import ConfigurationError
from zope.configuration.fields import GlobalObject
from zope.interface import Interface
from zope.schema import Choice, Text, TextLine

from ..settings import converters
from ..settings.keys import KEYS, ISetting, Key
from . import validation
from .builtin import KINDS, PACKAGE, Lazy, register

_WORD = re.compile(r"[^\s#]\S*").fullmatch
_KEY = re.compile(r"[a-z][a-z0-9_]*").fullmatch


class Factory(GlobalObject):
    """What makes a component: its dotted name. What our own file names is imported when it is first made."""

    def fromUnicode(self, value: str) -> Any:  # noqa: N802
        package = getattr(self.context, "package", None)
        if getattr(package, "__name__", None) == PACKAGE:
            return Lazy(value.strip())
        return super().fromUnicode(value)


class IComponentDirective(Interface):
    """Registers a component under a name."""

    name = TextLine(title="Name", description="One word that no other component of this kind has.", constraint=_WORD)
    factory = Factory(title="Factory", description="Makes the component. Called with the settings of the mirror.")


def _registers(directive: str) -> Callable[..., None]:
    """Give the handler of a directive for components."""
    kind = KINDS[directive]

    def handler(context: Any, name: str, factory: Any) -> None:
        lack = None if isinstance(factory, Lazy) else validation.of_factory(factory, kind.interface, kind.adapted)
        if lack:
            raise ConfigurationError(f"{directive} {name!r}: {lack}")
        context.action((directive, name), register, (context.registry, kind, name, factory, context.info))

    handler.__doc__ = f"Register a component that gives {kind.interface.__name__}."
    return handler


class ISourceDirective(IComponentDirective):
    """Registers a kind of upstream."""

    name = TextLine(title="Name", description="The scheme of the URLs in ``index_url`` that it is for.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with IUpstream and IMirror, gives an ISource.")


source = _registers("source")


class IParserDirective(IComponentDirective):
    """Registers a form that upstream's pages may have."""

    name = TextLine(title="Name", description="The media type of such pages.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with nothing, gives an IParser.")


parser = _registers("parser")


class INameFilterDirective(IComponentDirective):
    """Registers what decides by name which projects are mirrored. All that are registered are used."""

    factory = Factory(title="Factory", description="Called with the settings, gives an INameFilter.")


name_filter = _registers("nameFilter")


class IFilterDirective(IComponentDirective):
    """Registers what decides which files of a project are mirrored. Used unless ``filters`` names others."""

    name = TextLine(title="Name", description="What ``filters`` calls it.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, gives an IFilter.")


file_filter = _registers("filter")


class IFetcherDirective(IComponentDirective):
    """Registers what gets pages and files by HTTP."""

    name = TextLine(title="Name", description="What ``fetcher`` calls it.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, gives an IFetcher.")


fetcher = _registers("fetcher")


class IStorageDirective(IComponentDirective):
    """Registers a kind of place for the mirror."""

    name = TextLine(title="Name", description="The scheme of the URLs in ``mirror_file_path`` that it is for.",
                    constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, gives an IStorage.")


storage = _registers("storage")


class IIndexWriterDirective(IComponentDirective):
    """Registers a form that the mirror's pages can have."""

    name = TextLine(title="Name", description="What ``index_formats`` calls it.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, gives an IIndexWriter.")


index_writer = _registers("indexWriter")


class IEngineDirective(IComponentDirective):
    """Registers a place where the work can run."""

    name = TextLine(title="Name", description="What ``engine`` calls it.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with IMirror, gives an IEngine.")


engine = _registers("engine")


class IObserverDirective(IComponentDirective):
    """Registers who is told what happens in a run. All that are registered are told."""

    factory = Factory(title="Factory", description="Called with the settings, gives an IObserver.")


observer = _registers("observer")


class ISettingDirective(Interface):
    """Declares a key of the configuration that components of a plugin read."""

    name = TextLine(title="Name", constraint=_KEY,
                    description="The key: small letters, digits and underscores. In a buildout it has dashes.")
    type = TextLine(title="Type", default="text", required=False,
                    description="One of pypimirror.settings.converters.NAMED, such as boolean, integer, words or path; or the "
                                "dotted name of a function of a text and of the folder that relative paths start from, which "
                                "gives the value or raises ValueError with what would be right.")
    default = Text(title="Default", default="", required=False,
                   description="As a configuration file would say it. Without it the value is None, or empty for lists.")
    help = Text(title="Help", description="One or two sentences for people.")
    affects = Choice(title="Affects", values=("files", "pages", "nothing"), default="nothing", required=False,
                     description="What is looked at again when it changes: which files are mirrored, or the pages about them.")


def setting(context: Any, name: str, help: str, type: str = "text", default: str = "", affects: str = "nothing") -> None:
    """Register a key."""
    if name in {key.name for key in KEYS}:
        raise ConfigurationError(f"setting {name!r}: is a key of the mirror's own")
    kind = converters.NAMED.get(type)
    if kind is None:
        if "." not in type:
            known = ", ".join(converters.NAMED)
            raise ConfigurationError(f"setting {name!r}: type {type!r} is neither one of {known} nor a dotted name")
        kind = context.resolve(type)
        if not callable(kind):
            raise ConfigurationError(f"setting {name!r}: type {type!r} is no function of a text and a folder")
    try:
        if default:
            kind(default, "/")
    except ValueError as error:
        raise ConfigurationError(f"setting {name!r}: default {default!r}: must be {error}") from error
    except Exception as error:
        raise ConfigurationError(f"setting {name!r}: default {default!r}: {error.__class__.__name__}: {error}") from error
    package = getattr(context.package, "__name__", "")
    key = Key(name, kind, default, " ".join(help.split()), package or "Plugins", affects if affects != "nothing" else "")
    context.action(("setting", name), context.registry.registerUtility, (key, ISetting, name, context.info))
