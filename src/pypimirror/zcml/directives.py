"""The mirror's own ZCML directives, in the namespace http://namespaces.zope.org/pypimirror.

Each registers one component, or one key of the configuration, in the registry of the configuration context. The schema
declares the attributes of a directive; the handler after it performs the registration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from zope.configuration.exceptions import ConfigurationError
from zope.configuration.fields import GlobalObject, Tokens
from zope.interface import Interface
from zope.schema import Choice, Text, TextLine

from ..settings import converters
from ..settings.keys import KEYS, ISetting, Key
from ..settings.plugin_types import PluginType
from ..settings.reader import nearest
from . import validation
from .builtin import KINDS, PACKAGE, Lazy, RegistrationInfo, register

_WORD = re.compile(r"[^\s#]\S*").fullmatch
_KEY = re.compile(r"[a-z][a-z0-9_]*").fullmatch


class Factory(GlobalObject):
    """The dotted name of a factory. Factories in the mirror's own file are imported when they are first called."""

    def fromUnicode(self, value: str) -> Any:  # noqa: N802
        package = getattr(self.context, "package", None)
        if getattr(package, "__name__", None) == PACKAGE:
            return Lazy(value.strip())
        return super().fromUnicode(value)


class IComponentDirective(Interface):
    """Registers a component under a name."""

    name = TextLine(title="Name", description="One word that no other component of this kind has.", constraint=_WORD)
    factory = Factory(title="Factory", description="Creates the component. Called with the settings of the mirror.")


def _make_handler(directive: str) -> Callable[..., None]:
    """Return the handler of a directive for components."""
    kind = KINDS[directive]

    def handler(context: Any, name: str, factory: Any, before: Iterable[str] = (), after: Iterable[str] = ()) -> None:
        lack = None if isinstance(factory, Lazy) else validation.fault_of_factory(factory, kind.interface, kind.adapted)
        if lack:
            raise ConfigurationError(f"{directive} {name!r}: {lack}")
        info = RegistrationInfo(context.info.file, context.info.line, tuple(before), tuple(after))
        context.action((directive, name), register, (context.registry, kind, name, factory, info))

    handler.__doc__ = f"Register a component that provides {kind.interface.__name__}."
    return handler


class ISourceDirective(IComponentDirective):
    """Registers a kind of upstream."""

    name = TextLine(title="Name", description="The URL scheme in ``index_url``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with IUpstream and IMirror, returns an ISource.")


source = _make_handler("source")


class IParserDirective(IComponentDirective):
    """Registers a parser for upstream's pages."""

    name = TextLine(title="Name", description="The media type of the pages.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called without arguments, returns an IParser.")


parser = _make_handler("parser")


class INameFilterDirective(IComponentDirective):
    """Registers a filter on the names of projects. All registered name filters are used."""

    factory = Factory(title="Factory", description="Called with the settings, returns an INameFilter.")


name_filter = _make_handler("nameFilter")


class IFilterDirective(IComponentDirective):
    """Registers a filter on the files of projects. Used unless ``filters`` names others."""

    name = TextLine(title="Name", description="The name in ``filters``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, returns an IFilter.")
    before = Tokens(title="Before", value_type=TextLine(), required=False,
                    description="Names of filters that run after this one; * for all others. Without before and after, filters "
                                "run in the order of registration; one that replaces another runs in its place.")
    after = Tokens(title="After", value_type=TextLine(), required=False,
                   description="Names of filters that run before this one; * for all others.")


file_filter = _make_handler("filter")


class IFetcherDirective(IComponentDirective):
    """Registers a fetcher of pages and files by HTTP."""

    name = TextLine(title="Name", description="The name in ``fetcher``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, returns an IFetcher.")


fetcher = _make_handler("fetcher")


class IStorageDirective(IComponentDirective):
    """Registers a kind of storage for the mirror."""

    name = TextLine(title="Name", description="The URL scheme in ``mirror_file_path``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, returns an IStorage.")


storage = _make_handler("storage")


class IIndexWriterDirective(IComponentDirective):
    """Registers a format of the mirror's pages."""

    name = TextLine(title="Name", description="The name in ``index_formats``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, returns an IIndexWriter.")


index_writer = _make_handler("indexWriter")


class IEngineDirective(IComponentDirective):
    """Registers an engine, which runs the tasks of a run."""

    name = TextLine(title="Name", description="The name in ``engine``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with IMirror, returns an IEngine.")


engine = _make_handler("engine")


class IObserverDirective(IComponentDirective):
    """Registers an observer of the events of a run. All registered observers are called."""

    factory = Factory(title="Factory", description="Called with the settings, returns an IObserver.")


observer = _make_handler("observer")


class IClientDirective(IComponentDirective):
    """Registers a client that the mirror writes a configuration file for."""

    name = TextLine(title="Name", description="The name in ``client NAME``.", constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, returns an IClient.")


client = _make_handler("client")


class IWebServerDirective(IComponentDirective):
    """Registers a web server that the mirror writes a site configuration for."""

    name = TextLine(title="Name", description="The name in ``webserver NAME``, and in the option ``webserver`` of a buildout.",
                    constraint=_WORD)
    factory = Factory(title="Factory", description="Called with the settings, returns an IWebServer.")


web_server = _make_handler("webServer")


class ISettingDirective(Interface):
    """Declares a key of the configuration that components of a plugin read."""

    name = TextLine(title="Name", constraint=_KEY,
                    description="The key: lower-case letters, digits and underscores. In a buildout it is written with dashes.")
    type = TextLine(title="Type", default="text", required=False,
                    description="One of pypimirror.settings.converters.NAMED, such as boolean, integer, words or path; or the "
                                "dotted name of a function of the text and of the base folder of relative paths, which "
                                "returns the value or raises ValueError with a description of valid values.")
    default = Text(title="Default", default="", required=False,
                   description="The text that stands for a missing key. Without it the value is None, or empty for lists.")
    help = Text(title="Help", description="One or two sentences.")
    affects = Choice(title="Affects", values=("files", "pages", "nothing"), default="nothing", required=False,
                     description="What is updated when the value changes: the selection of files, or their pages.")


def setting(context: Any, name: str, help: str, type: str = "text", default: str = "", affects: str = "nothing") -> None:
    """Register a key."""
    if name in {key.name for key in KEYS}:
        raise ConfigurationError(f"setting {name!r}: is a key of the mirror's own")
    kind = converters.NAMED.get(type)
    if kind is None:
        if "." not in type:
            known = ", ".join(converters.NAMED)
            raise ConfigurationError(f"setting {name!r}: type {type!r} is neither one of {known} nor a dotted name"
                                     f"{nearest(type, converters.NAMED)}")
        kind = context.resolve(type)
        if not callable(kind):
            raise ConfigurationError(f"setting {name!r}: type {type!r} is not a function of a text and a folder")
        lack = validation.fault_of_signature(kind, "a text and a folder", "", "/")
        if lack:
            raise ConfigurationError(f"setting {name!r}: {lack}")
        kind = PluginType(kind)
    if default and kind in converters.NAMED.values() and kind is not converters.file:
        # Other types may look for files, in the folder of the configuration.
        try:
            kind(default, "/")
        except ValueError as error:
            raise ConfigurationError(f"setting {name!r}: default {default!r}: must be {error}") from error
    package = getattr(context.package, "__name__", "")
    key = Key(name, kind, default, " ".join(help.split()), package or "Plugins", affects if affects != "nothing" else "")
    context.action(("setting", name), context.registry.registerUtility, (key, ISetting, name, context.info))
