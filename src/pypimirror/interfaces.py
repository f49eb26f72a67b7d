"""The contracts of the mirror, in the order in which data passes them.

Source -> Selection (filters) -> Plan -> Fetch -> Storage -> Index -> State

A component is a named adapter of the settings of one mirror, unless its interface names other objects to adapt. ZCML registers
it in that mirror's private registry. Components are independent of each other, do no input or output in ``__init__``, and are
called from several threads at once. They report failures outside the program with exceptions of ``pypimirror.errors`` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from selectors import BaseSelector

    from zope.interface.registry import Components

    from .http.limiter import RequestLimiter
    from .http.retry import RetryPolicy
    from .http.side_by_side import SideBySide
    from .maintenance.trash import Trash
    from .model import Entry, File, Head, Project, ProjectList, RequiredReleases
    from .selection import Selection
    from .storage.free_space import FreeSpaceGuard
    from .upstream.core_metadata import CoreMetadataLookup


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

    def need(needs: RequiredReleases) -> None:
        """Replace ``needs``. Called only between the steps of a run."""

    def bound(most: int) -> None:
        """Set ``workers``, this process's share of the requests."""

    def close() -> None:
        """Close connections, threads and processes."""


# --- upstream -------------------------------------------------------------------------------------------------------------


class IReceiver(Interface):
    """Receives one response."""

    def start(head: Head) -> None:
        """Called once with status and headers, before the body. May raise an exception to refuse the body."""

    def write(block: bytes) -> None:
        """Called with each block of the body, in order. May raise an exception to stop the transfer."""


class IFetcher(Interface):
    """Fetches pages and files by HTTP. Named; selected by ``fetcher``."""

    def fetch(url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        """Send one GET request, follow redirects, and pass head and body to the receiver.

        headers: additional request headers. Credentials come from the URL or from netrc.
        Returns the Head, whatever its status; the caller interprets the status. A truncated body is an error. The body is
        decoded only if the request has an Accept-Encoding header.
        Raises FetchError, with ``transient`` set if a retry may succeed.
        """

    def close() -> None:
        """Close all connections."""


class ICooperativeFetcher(IFetcher):
    """A fetcher that does the transfers of many functions in one thread.

    ``fetch`` switches to other functions while it waits, if the event loop of its thread has the fetcher's selector
    (``pypimirror.http.cooperation``); elsewhere it blocks.
    """

    def selector() -> BaseSelector:
        """Return a new selector, which drives transfers while the event loop waits for anything."""


class IParser(Interface):
    """Reads lists and project pages in one format. A utility named by its media type."""

    quality: float = Attribute("The ``q`` value for the Accept header; 1.0 for the most complete format.")

    def listing(wanted: Callable[[str], bool], written: str | None = None) -> IListReader:
        """Return a reader for one list of projects.

        wanted: returns whether the project with a normalised name is selected. written: a regular expression that matches all
        selected names (``IWrittenNames.written``), or None; a reader may use it to skip other names quickly.
        """

    def project(body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        """Parse a project's page.

        name: the normalised name. url: the URL of the page, the base of relative links.
        Returns the project and one line for each entry that was dropped as malformed or untrustworthy.
        Raises InvalidPage.
        """


class IListReader(Interface):
    """Parses one list of projects incrementally."""

    def write(block: bytes) -> None:
        """Parse the next block of the body."""

    def finish() -> ProjectList:
        """Return the list at the end of the body. Raises InvalidPage."""


class IUpstream(Interface):
    """The address of an upstream index."""

    url: str = Attribute("Its URL. An http or https URL has no credentials; the fetcher adds them.")


class ISource(Interface):
    """One upstream index. Named by the scheme of its URL; adapts IUpstream and IMirror."""

    def listing(wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        """Return the list of the projects whose normalised names ``wanted`` accepts.

        etag: of the list that is stored; the result has ``unchanged`` set if it is current. written: see ``IParser.listing``.
        Raises FetchError, InvalidPage.
        """

    def project(name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        """Return the project and its problems, one line each, or ``(None, ())`` if the page has not changed.

        etag: of the page that is stored. since: if there is no ETag, changes before this time (seconds since 1970) are ignored.
        With neither, the page is always read.
        Raises ProjectNotFound if upstream has no such project; FetchError, InvalidPage.
        """


# --- selection ------------------------------------------------------------------------------------------------------------


class INameFilter(Interface):
    """Selects projects by name. Named; a project is selected if all registered name filters accept it."""

    active: bool = Attribute("Whether the settings enable the filter; a disabled one is never called.")
    applies_to_pins: bool = Attribute("Whether it also applies to pinned projects; otherwise it is not called for them.")
    exact: frozenset[str] | None = Attribute("The normalised names that it can select, or None if these are not limited.")

    def __call__(name: str) -> bool:
        """Return whether the filter accepts the project with this normalised name."""


class IWrittenNames(INameFilter):
    """A name filter that provides a regular expression of the names that it accepts, to search long lists quickly."""

    written: str | None = Attribute(
        "A regular expression that fully matches every spelling of every accepted name in lower case and never matches a "
        "quotation mark; None if there is no such expression.")


class IExactNames(INameFilter):
    """A name filter that is configured with exact names; a name that upstream does not have is reported."""

    named: Mapping[str, str] = Attribute("The names as spelled in the configuration, by normalised name.")


class IFilter(Interface):
    """Selects distribution files of a project. Named; ``filters`` selects and orders them.

    A file without a version in its name belongs to no release. A filter on releases accepts it, unless it requires versions.
    """

    active: bool = Attribute("Whether the settings enable the filter; a disabled one is never called.")
    applies_to_pins: bool = Attribute(
        "True for a filter on files, which also applies to pinned releases; False for one on releases.")
    reason: str = Attribute("The reason that ``plan`` prints for an excluded file, such as 'older than the newest 3 releases'.")

    def select(project: Project) -> Iterable[File]:
        """Return the selected files, a subset of ``project.files``.

        The result depends only on the project, on settings that are declared with ``affects="files"``, and on time in an
        ITimedFilter: a change of anything else is not noticed. Names of projects are normalised (PEP 503).

        project: has only the files that all previous filters selected.
        """


class ITimedFilter(IFilter):
    """A filter whose result changes over time."""

    def next_change(project: Project) -> float | None:
        """Return the time at which the result of ``select`` for this project changes next, or None for never.

        The time is in seconds since 1970 and in the future.
        """


class IUploadTimeFilter(ITimedFilter):
    """A filter on upload times."""

    def untimed(project: Project) -> int:
        """Return the number of files of the project that the filter can't judge because upstream has no upload time."""


class IMetadataFilter(IFilter):
    """A filter on core metadata."""

    def select(project: Project, metadata: Callable[[File], bytes | None] | None = None) -> Iterable[File]:
        """Return the selected files, a subset of ``project.files``.

        metadata: returns the core metadata of a file, or None if the file has none. It may fetch them; the filter does not
        catch its exceptions. If ``metadata`` is None, no file has core metadata.
        """


# --- storage --------------------------------------------------------------------------------------------------------------


class IStorage(Interface):
    """Stores the mirror's tree. Named by the scheme of ``mirror_file_path``.

    Paths are relative, separated by ``/``, and never leave the mirror. All methods raise StorageError.
    """

    def check() -> None:
        """Raise ConfigurationError if the storage can't be written or is neither empty nor a mirror. Changes nothing."""

    def prepare() -> None:
        """Prepare the storage for a run: create it, and delete unfinished files of earlier runs. The caller holds the lock."""

    def finish() -> None:
        """Record that the run ended regularly, so that the next ``prepare`` can skip the search for unfinished files."""

    def create() -> IUpload:
        """Return a new IUpload."""

    def link(source: str) -> IUpload | None:
        """Return an IUpload with the content of a local file, shared as a hard link; None if the file can't be linked.

        source: its absolute path, not a symbolic link. The file must be readable by all users, as web servers need it.
        """

    def size(path: str) -> int | None:
        """Return the size in bytes of a file, or None if there is no such file."""

    def read(path: str) -> bytes | None:
        """Return the content of a file, or None if there is no such file."""

    def open(path: str) -> BinaryIO:
        """Open a file as a seekable binary stream for reading. Raises StorageError if there is no such file."""

    def write(path: str, blocks: Iterable[bytes]) -> None:
        """Write a file atomically: readers see either the complete old or the complete new content."""

    def digest(path: str, algorithm: str = "sha256") -> str | None:
        """Return the hex digest of a regular file, or None if there is no such file; symbolic links are not followed."""

    def move(path: str, target: str) -> None:
        """Move a file; an existing target is replaced."""

    def remove(path: str) -> None:
        """Remove a file, if it exists, and its parent folders that become empty."""

    def keep_open(folder: str) -> AbstractContextManager[None]:
        """Return a context manager that speeds up many accesses to one top-level folder, by any thread, in its block."""

    def flush() -> None:
        """Block until all earlier writes, moves and removals are durable, also those of other processes on this machine.

        Does nothing if each change is durable at once.
        """

    case_insensitive: bool = Attribute("Whether names that differ only in case are the same file; known after ``prepare``.")

    cheap_listing: bool = Attribute("Whether ``listdir`` and reading a new file are cheap, as on a local disk.")

    def listdir(folder: str) -> list[str]:
        """Return the names in a folder, those of folders with a trailing ``/``; an empty list if there is no such folder.

        Raises StorageError if the path is not a folder.
        """

    def free() -> int | None:
        """Return the free space in bytes, or None if it is unlimited."""

    def close() -> None:
        """Close open files and connections. Later calls open them again."""


class IUpload(Interface):
    """A temporary file that becomes visible in the storage with ``commit``."""

    def write(block: bytes) -> None:
        """Append a block."""

    def restart() -> None:
        """Truncate the file."""

    def stage() -> None:
        """Complete the content, so that ``IStorage.flush`` makes it durable."""

    def commit(path: str) -> None:
        """Move the complete file to the path; an existing file is replaced."""

    def abort() -> None:
        """Discard the file. Does nothing after ``commit``."""


# --- index ----------------------------------------------------------------------------------------------------------------


class IIndexWriter(Interface):
    """Renders pages of the index in one format; does no input or output. Named; selected by ``index_formats``."""

    root: str | None = Attribute("The path of the root page, which lists all projects, or None if the format has no root page.")
    most_files: int | None = Attribute("The root page is written for up to this number of files; None for no limit.")

    def pages(project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        """Yield the pages of a project as pairs of a path in the mirror and the content.

        project: has only published files, each with ``stored``. serial: the mirror's serial of the project.
        """

    def serial(page: bytes) -> int | None:
        """Return the mirror's serial from a page of this format, or None if it has none."""

    def projects(entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        """Yield blocks of the root page.

        entries: sorted by normalised name. serial: the serial of the whole mirror.
        """


class IWholeIndexWriter(IIndexWriter):
    """An index writer whose root page also lists the files: each entry has a ``section``."""

    def section(project: Project) -> bytes:
        """Return the section of the root page about one project.

        project: as for ``pages``. The section is cached until the project or the settings change.
        """


class IMetadataIndexWriter(IIndexWriter):
    """An index writer whose pages include core metadata."""

    def pages(project: Project, serial: int,
              metadata: Callable[[File], bytes | None] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield the pages of a project. metadata: returns the core metadata of a file, or None if the mirror has none."""


# --- work -----------------------------------------------------------------------------------------------------------------


class IEngine(Interface):
    """Runs tasks in threads, processes or on other machines. Named; selected by ``engine``; adapts IMirror."""

    def run(step: Callable[..., Any], tasks: Iterable[Any]) -> Iterator[Any]:
        """Run ``step(mirror, task, emit)`` for every task; yield emitted events and return values as they arrive.

        step: an importable function; with an attribute ``in_threads`` it runs in threads, since it computes rather than waits.
        tasks: plain values, consumed only as fast as tasks are finished; an iterator may have more after it had none, as long
        as tasks are under way.
        A step calls ``emit`` with events that are to be shown at once. On another machine they may arrive together with the
        return value, which is always last. The order of tasks is not preserved. If a worker is lost, its step runs again
        on another one.
        """

    def close() -> None:
        """Stop all workers. Called while no step is running."""


# --- clients and web servers ----------------------------------------------------------------------------------------------


class IClient(Interface):
    """Renders the configuration file of a client. Named; selected by the verb ``client``; adapts the settings."""

    filename: str = Attribute("The usual name of the file, such as ``pip.conf``; that of the file in a buildout's part.")
    title: str = Attribute("The heading above the file on the landing page, such as 'pip, in pip.conf'.")

    def render(index: str) -> str:
        """Return a file with which the client uses only this index.

        index: its URL with a trailing slash; a ``file:`` URL for clients on the mirror's host if there is no ``base_url``.
        """


class IWebServer(Interface):
    """Renders a site configuration. Named; selected by the verb ``webserver``; adapts the settings."""

    filename: str = Attribute("The name of the file in a buildout's part, such as ``nginx.conf``.")

    def render() -> str:
        """Return a complete site configuration that serves the mirror at ``base_url``.

        Raises ConfigurationError for a value that can't be written into it.
        """


# --- events ---------------------------------------------------------------------------------------------------------------


class IObserver(Interface):
    """Receives the events of a run without affecting it. Named.

    Called in one thread, in the order of the events: the mirror's own observers in the coordinator's thread, each one of a
    plugin in a separate thread, which a run waits for only for a limited time.
    """

    def notify(event: Any) -> None:
        """Handle one event, an instance of a class of ``pypimirror.events``."""
