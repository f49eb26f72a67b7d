"""Contracts of the settings and of one mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from zope.interface.registry import Components

    from ..advisories.lookup import Advisories
    from ..http.limiter import RequestLimiter
    from ..http.retry import RetryPolicy
    from ..http.side_by_side import SideBySide
    from ..maintenance.trash import Trash
    from ..metadata.attestations import AttestationVerifier
    from ..model import ProjectList, RequiredReleases
    from ..selection import Selection
    from ..storage.free_space import FreeSpaceGuard
    from ..upstream.core_metadata import CoreMetadataLookup
    from .http import IFetcher
    from .index import IIndexWriter
    from .run import IEngine, IObserver
    from .storage import IStorage
    from .upstream import IParser, ISource


class ISettings(Interface):
    """The effective settings of one mirror: an immutable mapping of plain values, the same in every process."""

    def __getitem__(key: str) -> Any:
        """Return the value of the key. Raises KeyError if neither the mirror nor a plugin declares it."""

    def origin(key: str) -> str:
        """Return the origin of the value: a file and section, ``command line``, or ``default``."""

    def plugged(affects: str) -> list[tuple[str, Any]]:
        """Return the settings and components of plugins that affect ``files`` or ``pages``: pairs of name and plain value."""

    def unknown_names(known: Callable[[str], bool]) -> Iterator[str]:
        """Yield a warning about each key of the type ``names`` that has names for which ``known`` returns False."""


class IMirror(Interface):
    """The part of a mirror that plugins may use: settings, input and output."""

    settings: ISettings = Attribute("The effective settings.")
    workers: int = Attribute("The maximum number of concurrent requests of this process.")
    storage: IStorage = Attribute("The storage of the mirror's tree.")
    fetcher: IFetcher = Attribute("The fetcher for all URLs, limited to ``workers`` concurrent requests.")
    parsers: Mapping[str, IParser] = Attribute("The parsers by media type.")
    attempts: RetryPolicy = Attribute("Repeats a call after transient errors, up to ``retries`` times.")
    side_by_side: SideBySide = Attribute("Runs a function over the files of one project concurrently.")
    needs: RequiredReleases = Attribute("The pinned releases and their requirements.")


class IRunContext(IMirror):
    """The context of a run: all components of one mirror, each created on first access."""

    registry: Components = Attribute("The registry of the components.")
    limiter: RequestLimiter = Attribute("Limits the concurrent requests of this process.")
    source: ISource = Attribute("The upstream indexes as one.")
    upstreams: tuple[str, ...] = Attribute("The URLs of the upstream indexes in order of precedence, without credentials.")
    own: ProjectList = Attribute("The site's local projects (``local_packages``); their ``upstream`` is the directory's URL.")
    writers: tuple[IIndexWriter, ...] = Attribute("The index writers in use.")
    formats: tuple[IIndexWriter, ...] = Attribute("All registered index writers, in use or not.")
    selection: Selection = Attribute("Selects projects and files.")
    engine: IEngine = Attribute("Runs the steps.")
    observers: Mapping[str, IObserver] = Attribute("The observers by name.")
    core_metadata: CoreMetadataLookup = Attribute("Reads the core metadata of a file from the mirror or from upstream.")
    room: FreeSpaceGuard = Attribute("Keeps ``min_free`` bytes of the disk free.")
    trash: Trash = Attribute("The removed files, kept for ``trash_days``.")

    attestations: AttestationVerifier | None = Attribute("Verifies attestations; None unless ``trusted_root`` is set.")

    advisories: Advisories = Attribute("The advisories about the projects. Only the coordinator of a run has them.")

    def need(needs: RequiredReleases) -> None:
        """Replace ``needs``. Called only between the steps of a run."""

    def bound(most: int) -> None:
        """Set ``workers``, this process's share of the requests."""

    def close() -> None:
        """Close connections, threads and processes."""
