"""One mirror: settings and components, each created on first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zope.interface import implementer

from .http import fetcher_settings, tls
from .http.dispatcher import Dispatcher
from .http.file_urls import url_of
from .http.hosts import PORTS
from .http.limiter import RequestLimiter
from .http.retry import RetryPolicy
from .http.side_by_side import SideBySide
from .http.silent_hosts import SilentHosts
from .interfaces import (
    IEngine,
    IFetcher,
    IFilter,
    IIndexWriter,
    INameFilter,
    IObserver,
    IParser,
    IRunContext,
    ISource,
    IStorage,
)
from .maintenance.trash import Trash
from .model import ProjectList, RequiredReleases, Upstream
from .secret import reveal
from .selection import Selection
from .settings import index_settings
from .settings.values import Settings
from .storage.free_space import FreeSpaceGuard
from .upstream.file_fetcher import FileFetcher
from .upstream.multi_index import MultiIndex
from .zcml import plugins, registry
from .zcml.builtin import is_own

if TYPE_CHECKING:
    from .advisories.lookup import Advisories
    from .metadata.attestations import AttestationVerifier
    from .upstream.core_metadata import CoreMetadataLookup

_NO_NEEDS = RequiredReleases()


@implementer(IRunContext)
class Mirror:
    """The context of a run; every process creates the same one from the settings."""

    def __init__(self, settings: Settings, needs: RequiredReleases = _NO_NEEDS, workers: int | None = None):
        """workers: this process's share of those that the settings allow, or None for all of them."""
        self.settings = plugins.with_plugin_keys(settings)
        self.needs = needs
        self.workers = workers or self.settings["workers"]
        self.room = FreeSpaceGuard()

    def __reduce__(self) -> Any:
        return Mirror, (self.settings, self.needs)

    def need(self, needs: RequiredReleases) -> None:
        self.needs = needs
        self.__dict__.pop("selection", None)

    @cached_property
    def registry(self) -> Any:
        return plugins.components(self.settings)

    @cached_property
    def storage(self) -> IStorage:
        path = self.settings["mirror_file_path"]
        storage: IStorage = self._named(IStorage, urlsplit(path).scheme or "file", "mirror_file_path")
        return storage

    @cached_property
    def fetcher(self) -> IFetcher:
        return Dispatcher(self.limiter, FileFetcher(index_settings.readable_trees(self.settings)), self._credential_urls())

    def _credential_urls(self) -> list[str]:
        """Return the URLs whose origins are sent credentials: upstream indexes and pin files, as they are configured."""
        pins = (*(self.settings["versions"] or ()), *(self.settings["requirements"] or ()))
        return [*index_settings.index_urls(self.settings).values(), *map(reveal, (*pins, *self.settings["advisories"]))]

    @cached_property
    def limiter(self) -> RequestLimiter:
        attempts = self.settings["retries"] + 1
        # A request is attempted as long before it fails.
        hosts = SilentHosts(attempts * self.settings["timeout"], attempts)
        return RequestLimiter(
            lambda: self._named(IFetcher, fetcher_settings.chosen(self.settings), "fetcher"), self.workers, hosts)

    @cached_property
    def parsers(self) -> Mapping[str, IParser]:
        found = dict(self.registry.getUtilitiesFor(IParser))
        if all(map(is_own, found.values())):
            return found
        from .upstream.plugin_sources import CheckedParser  # not loaded without plugins

        return {name: parser if is_own(parser) else CheckedParser(parser) for name, parser in found.items()}

    @cached_property
    def upstreams(self) -> tuple[str, ...]:
        return tuple(index_settings.index_urls(self.settings))

    @cached_property
    def source(self) -> ISource:
        own = {} if self._local is None else {self._local_url: self._local}
        given = index_settings.index_urls(self.settings).items()
        others = {url: self._source(whole if (scheme := urlsplit(url).scheme) not in PORTS else url, scheme, "index_url")
                  for url, whole in given if url not in own}
        return MultiIndex(own | others)

    @cached_property
    def own(self) -> ProjectList:
        if self._local is None:
            return ProjectList({})
        return self._local.listing(lambda name: True)._replace(upstream=self._local_url)

    @cached_property
    def _local(self) -> ISource | None:
        return self._source(self._local_url, "local", "local_packages") if self.settings["local_packages"] else None

    @property
    def _local_url(self) -> str:
        return url_of(self.settings["local_packages"])

    def _source(self, url: str, name: str, key: str) -> ISource:
        source: ISource = registry.chosen(self.registry, (Upstream(url), self), ISource, name, key)
        if is_own(source):
            return source
        from .upstream.plugin_sources import CheckedSource  # not loaded without plugins

        return CheckedSource(source)

    @cached_property
    def selection(self) -> Selection:
        names = registry.create_all(self.registry, (self.settings,), INameFilter)
        filters = registry.create_all(self.registry, (self.settings,), IFilter)
        used = {name: self._named(IFilter, name, "filters") for name in self.settings["filters"] or filters}
        return Selection(names.values(), used, self.needs.versions(), self.own.projects, self.needs.hashes,
                         self.needs.only_followed(), self.needs.arbitrary)

    @cached_property
    def writers(self) -> tuple[IIndexWriter, ...]:
        if not self.settings["create_indexes"]:
            return ()
        found = {name: self._named(IIndexWriter, name, "index_formats") for name in self.settings["index_formats"]}
        if self.settings.additions and self.settings.additions.plugins:
            from .index import page_paths  # not loaded without plugins

            page_paths.check_roots((registry.describe_component(self.registry, writer), writer) for writer in found.values())
        return tuple(found.values())

    @cached_property
    def formats(self) -> tuple[IIndexWriter, ...]:
        return tuple(registry.create_all(self.registry, (self.settings,), IIndexWriter).values())

    @cached_property
    def engine(self) -> IEngine:
        engine: IEngine = registry.chosen(self.registry, (self,), IEngine, self.settings["engine"], "engine")
        return engine

    @cached_property
    def observers(self) -> Mapping[str, IObserver]:
        return registry.create_all(self.registry, (self.settings,), IObserver)

    @cached_property
    def attempts(self) -> RetryPolicy:
        return RetryPolicy(self.settings["retries"])

    @cached_property
    def side_by_side(self) -> SideBySide:
        return SideBySide(self.workers)

    @cached_property
    def core_metadata(self) -> CoreMetadataLookup:
        from .upstream.core_metadata import CoreMetadataLookup  # not loaded where nothing changed

        return CoreMetadataLookup(self)

    @cached_property
    def trash(self) -> Trash:
        return Trash(self.storage)

    @cached_property
    def attestations(self) -> AttestationVerifier | None:
        if not self.settings["trusted_root"]:
            return None
        from .metadata.attestations import AttestationVerifier  # not loaded without the key

        return AttestationVerifier(self.settings["trusted_root"])

    @cached_property
    def advisories(self) -> Advisories:
        from .advisories.lookup import Advisories  # not loaded without the key

        return Advisories(self.settings)

    def bound(self, most: int) -> None:
        self.workers = most
        self.limiter.bound(most)
        self.side_by_side.bound(most)

    def check(self, fetches: bool = True, selects: bool = True) -> None:
        """Create every component that the settings name. Raises ConfigurationError before anything is written.

        fetches: whether requests will be sent; False saves loading the fetcher. selects: whether projects have to be selected;
        a mirror that is filled from bundles selects none.
        """
        index_settings.check_directories(self.settings)
        tls.check(self.settings)
        for part in (self.storage, self.fetcher, self.source, self.selection, self.writers, self.formats, self.engine,
                     self.observers, self.attestations):
            del part
        if fetches:
            _ = self.limiter.fetcher
        if selects and not (self.settings["versions"] or self.settings["requirements"]):
            self.selection.check()

    def close(self) -> None:
        """Close connections, threads and processes."""
        if "engine" in self.__dict__:
            self.engine.close()
        self.side_by_side.close()
        if "advisories" in self.__dict__:
            self.advisories.close()
        self.fetcher.close()
        self.storage.close()

    def _named(self, interface: Any, name: str, key: str) -> Any:
        return registry.chosen(self.registry, (self.settings,), interface, name, key)
