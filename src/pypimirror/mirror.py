"""One mirror: settings and components, each made when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from zope.interface import implementer

from . import plugins, registry
from .core_metadata import CoreMetadata
from .engine.crew import Crew
from .errors import ConfigurationError
from .fetch.attempts import Attempts
from .filters import ordered
from .interfaces import (
    IEngine,
    IFetcher,
    IFilter,
    IIndexWriter,
    IMirror,
    INameFilter,
    IObserver,
    IParser,
    ISource,
    IStorage,
)
from .model import Needs, Upstream
from .selection import Selection
from .settings.values import Settings
from .upkeep.trash import Trash

_NO_NEEDS = Needs()


@implementer(IMirror)
class Mirror:
    """What the units of work are given; the same in every process, made from the settings alone."""

    def __init__(self, settings: Settings, needs: Needs = _NO_NEEDS):
        self.settings = plugins.plugged(settings)
        self.needs = needs

    def __reduce__(self) -> Any:
        return Mirror, (self.settings, self.needs)

    def need(self, needs: Needs) -> None:
        self.needs = needs
        self.__dict__.pop("selection", None)

    @cached_property
    def registry(self) -> Any:
        additions = self.settings.additions
        return self.settings.registry or registry.load(additions.plugins if additions else ())

    @cached_property
    def storage(self) -> IStorage:
        path = self.settings["mirror_file_path"]
        return self._named(IStorage, urlsplit(path).scheme or "file", "mirror_file_path")

    @cached_property
    def fetcher(self) -> IFetcher:
        return self._named(IFetcher, self.settings["fetcher"], "fetcher")

    @cached_property
    def parsers(self) -> Mapping[str, IParser]:
        return dict(self.registry.getUtilitiesFor(IParser))

    @cached_property
    def source(self) -> ISource:
        url = self.settings["index_url"] or _default_index_url()
        scheme = urlsplit(url).scheme
        return registry.chosen(self.registry, (Upstream(url), self), ISource, scheme, "index_url")

    @cached_property
    def selection(self) -> Selection:
        names = registry.every(self.registry, (self.settings,), INameFilter)
        filters = registry.every(self.registry, (self.settings,), IFilter)
        chosen = self.settings["filters"] or ordered(filters)
        used = {name: self._named(IFilter, name, "filters") for name in chosen}
        return Selection(names.values(), used, self.needs.versions())

    @cached_property
    def writers(self) -> tuple[IIndexWriter, ...]:
        if not self.settings["create_indexes"]:
            return ()
        return tuple(self._named(IIndexWriter, name, "index_formats") for name in self.settings["index_formats"])

    @cached_property
    def formats(self) -> tuple[IIndexWriter, ...]:
        return tuple(writer for _, writer in self.registry.getAdapters((self.settings,), IIndexWriter))

    @cached_property
    def engine(self) -> IEngine:
        return registry.chosen(self.registry, (self,), IEngine, self.settings["engine"], "engine")

    @cached_property
    def observers(self) -> Mapping[str, IObserver]:
        return registry.every(self.registry, (self.settings,), IObserver)

    @cached_property
    def attempts(self) -> Attempts:
        return Attempts(self.settings["retries"])

    @cached_property
    def crew(self) -> Crew:
        return Crew(self.settings["workers"])

    @cached_property
    def core_metadata(self) -> CoreMetadata:
        return CoreMetadata(self)

    @cached_property
    def trash(self) -> Trash:
        return Trash(self.storage)

    def check(self) -> None:
        """Make every component that the settings name. Raises ConfigurationError before anything was touched."""
        for part in (self.storage, self.fetcher, self.source, self.selection, self.writers, self.engine, self.observers):
            del part
        if not (self.settings["versions"] or self.settings["requirements"]):
            self.selection.check()

    def close(self) -> None:
        """Give back connections and threads."""
        self.crew.close()
        self.fetcher.close()

    def _named(self, interface: Any, name: str, key: str) -> Any:
        return registry.chosen(self.registry, (self.settings,), interface, name, key)


def _default_index_url() -> str:
    """Give PyPI's address as zc.buildout knows it; imported only where no index_url is given."""
    try:
        from zc.buildout.easy_install import default_index_url
    except ImportError as error:
        raise ConfigurationError(f"index_url is not given, and zc.buildout's default can't be had: {error}") from error
    return str(default_index_url)
