"""The contracts of the mirror, in the order in which data meets them.

Source -> Selection (filters) -> Plan -> Fetch -> Storage -> Index -> State

Components are named adapters of the settings of one mirror, unless their interface says what else they adapt. They are
registered by ZCML in that mirror's own registry, know nothing of each other, do no input or output when they are made, and are
used by several threads at once. For what can go wrong outside the program they raise errors of ``pypimirror.errors`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from zope.interface.registry import Components

    from .engine.crew import ConcurrencyLimiter
    from .http.gate import RequestLimiter
    from .http.retry import RetryPolicy
    from .maintenance.trash import Trash
    from .model import Entry, File, Head, Project, ProjectList, RequiredReleases
    from .selection import Selection
    from .storage.free_space import FreeSpaceGuard
    from .upstream.core_metadata import CoreMetadataLookup


class ISettings(Interface):
    """The effective settings of one mirror: an immutable mapping of plain values, the same in every process."""

    def __getitem__(key: str) -> Any:
        """Return the value of the key; KeyError for a key that nobody declared."""

    def origin(key: str) -> str:
        """Return where the value came from: a file and section, ``command line``, or ``default``."""

    def plugged(affects: str) -> list[tuple[str, Any]]:
        """Return what plugins add to all that affects ``files`` or ``pages``: pairs of a name and a plain value."""


class IMirror(Interface):
    """One mirror, as plugins may use it: its settings, and what they need for input and output."""

    settings: ISettings = Attribute("The effective settings.")
    workers: int = Attribute("The number of requests that this process may have under way at once.")
    storage: IStorage = Attribute("The storage of the mirror's tree.")
    fetcher: IFetcher = Attribute("The fetcher for all URLs, limited to ``workers`` requests at once.")
    parsers: Mapping[str, IParser] = Attribute("The parsers by media type.")
    attempts: RetryPolicy = Attribute("Calls a function again after transient errors, as ``retries`` allows.")
    crew: ConcurrencyLimiter = Attribute("Runs functions over the files of one project side by side.")
    needs: RequiredReleases = Attribute("The pinned releases, and what they require.")


class IRunContext(IMirror):
    """What the steps of a run work with: all components of one mirror, each made on first access."""

    registry: Components = Attribute("The registry of the components.")
    gate: RequestLimiter = Attribute("Limits the requests under way in this process.")
    source: ISource = Attribute("The upstream indexes as one.")
    upstreams: tuple[str, ...] = Attribute("The URLs of the upstream indexes in order of precedence, without credentials.")
    own: ProjectList = Attribute("The site's own projects (``local_packages``); their ``upstream`` is the directory's URL.")
    writers: tuple[IIndexWriter, ...] = Attribute("The index writers in use.")
    formats: tuple[IIndexWriter, ...] = Attribute("All registered index writers, in use or not.")
    selection: Selection = Attribute("Selects projects and files.")
    engine: IEngine = Attribute("Runs the steps.")
    observers: Mapping[str, IObserver] = Attribute("The observers by name.")
    core_metadata: CoreMetadataLookup = Attribute("Reads the core metadata of a file, from the mirror or from upstream.")
    room: FreeSpaceGuard = Attribute("Keeps ``min_free`` bytes of the disk free.")
    trash: Trash = Attribute("The removed files until ``trash_days`` have passed.")

    def need(needs: RequiredReleases) -> None:
        """Replace ``needs``; between the steps of a run only."""

    def bound(most: int) -> None:
        """Set ``workers``, and the number of threads that follows from it."""

    def close() -> None:
        """Close connections, threads and processes."""


# --- upstream -------------------------------------------------------------------------------------------------------------


class IReceiver(Interface):
    """Takes the body of one response."""

    def start(head: Head) -> None:
        """Called once, when status and headers are there. head: Head. May raise to refuse the body."""

    def write(block: bytes) -> None:
        """Called for each block of the body (bytes), in order. May raise to stop the transfer."""


class IFetcher(Interface):
    """Gets things by HTTP: pages and files alike. Named; ``fetcher`` chooses."""

    def fetch(url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        """GET the URL once, following redirects, and hand head and body to the receiver (IReceiver).

        headers: further request headers. Credentials come from the URL or from netrc.
        Returns the Head. An answer of any status is an answer: what a status means is the caller's to say.
        A body that ended early is an error. Content encodings are undone only where the request asked for one.
        Raises FetchError, ``transient`` where asking again can help.
        """

    def close() -> None:
        """Give connections back."""


class IParser(Interface):
    """Reads lists and project pages in one format. A utility named by its media type."""

    quality: float = Attribute("The ``q`` value for the Accept header, 1.0 for the form that says most.")

    def listing(wanted: Callable[[str], bool], written: str | None = None) -> IListReader:
        """Return a reader for one list of projects.

        wanted: returns whether the project of a normalised name is selected. written: a regular expression that all selected
        names match (``IWrittenNames.written``), or None; a reader may use it to skip the other names quickly.
        """

    def project(body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        """Read a project's page.

        body: bytes; name: the normalised name; url: that of the page, for relative links.
        Returns (Project, problems): a list of lines tells what was left out because it was malformed or not to be trusted.
        Raises BadPage.
        """


class IListReader(Interface):
    """Reads one list of projects, block by block."""

    def write(block: bytes) -> None:
        """Take the next block of the body (bytes)."""

    def finish() -> ProjectList:
        """Return the Listing. Raises BadPage."""


class IUpstream(Interface):
    """Where an upstream index is."""

    url: str = Attribute("Its URL; one with http or https is without credentials, since the fetcher adds these.")


class ISource(Interface):
    """One upstream index. Named by the scheme of its URL; adapts IUpstream and IMirror."""

    def listing(wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        """Return the list of the projects whose normalised names ``wanted`` accepts.

        etag: that of the list already known; the result is ``unchanged`` if it still holds. written: as in IParser.
        Raises FetchError, BadPage.
        """

    def project(name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        """Return a pair of Project and problems (lines), or ``(None, ())`` where the page has not changed.

        etag: that of the page already known. since: a time, in seconds since 1970, before which changes do not count; used
        where there is no ETag. With neither the page is read in any case.
        Raises Absent if upstream has no such project; FetchError, BadPage.
        """


# --- selection ------------------------------------------------------------------------------------------------------------


class INameFilter(Interface):
    """Decides by name which projects are mirrored. Named; all that are registered must agree."""

    active: bool = Attribute("Whether the settings give it anything to do; one that has nothing to do is never asked.")
    applies_to_pins: bool = Attribute("Whether it holds for pinned projects too; they are taken without asking it otherwise.")
    exact: frozenset[str] | None = Attribute("The normalised names that it can select, or None without a limit to known ones.")

    def __call__(name: str) -> bool:
        """Whether the project of this normalised name is asked for."""


class IWrittenNames(INameFilter):
    """A name filter that tells how the names are written that it takes, so that a long list can be searched for them."""

    written: str | None = Attribute(
        "A regular expression that every spelling of every selected name matches as a whole, in lower case; it never matches a "
        "quotation mark. None if there is no such expression.")


class IExactNames(INameFilter):
    """A name filter that somebody gives exact names, so that one which upstream does not have can be reported."""

    named: Mapping[str, str] = Attribute("These names as they are written, by normalised name.")


class IFilter(Interface):
    """Decides which distributions of a project are mirrored. Named; ``filters`` chooses and orders.

    Files whose name tells no version are a release of no filter: one on releases lets them through unless it asks for versions.
    """

    active: bool = Attribute("Whether the settings give it anything to do; one that has nothing to do is never asked.")
    applies_to_pins: bool = Attribute(
        "True for a filter on files, which applies to pinned releases too; False for one on releases.")
    reason: str = Attribute("What ``plan`` prints for a file left out, such as 'older than the newest 3 releases'.")

    def select(project: Project) -> Iterable[File]:
        """Return the files of the project that stay.

        project: Project, its files already narrowed by the filters named before this one.
        Returns an iterable of File, a subset of ``project.files``.
        """


class ITimedFilter(IFilter):
    """A filter whose answer changes as time goes by."""

    def next_change(project: Project) -> float | None:
        """Return the time when ``select`` will next say something else about this same project, or None for never.

        In seconds since 1970, later than now.
        """


class IUploadTimeFilter(ITimedFilter):
    """A filter that decides by upload times."""

    def untimed(project):
        """Return how many files of the project the filter can't judge, because upstream gives no upload time."""


class IMetadataFilter(IFilter):
    """A filter that reads core metadata."""

    def select(project: Project, metadata: Callable[[File], bytes | None] | None = None) -> Iterable[File]:
        """Return the files of the project that stay.

        metadata: called with a File, returns its core metadata as bytes, or None where there is none to be had. It may fetch,
        and what it raises is not caught here. Without it no file has any.
        """


# --- storage --------------------------------------------------------------------------------------------------------------


class IStorage(Interface):
    """The mirror's place. Named by the scheme of ``mirror_file_path``.

    Paths are relative, with ``/`` between parts, and never leave the mirror. Raises StorageError.
    """

    def check() -> None:
        """Raise ConfigurationError if the place can't be written or holds something that is not a mirror. Touches nothing."""

    def prepare() -> None:
        """Make the place ready for a run by the holder of the lock: create it, clear what earlier runs left unfinished."""

    def finish() -> None:
        """Take note that a run came to its end, so that the next one need not look for what it left unfinished."""

    def create() -> IUpload:
        """Return a new IUpload."""

    def link(source: str) -> IUpload | None:
        """Return an IUpload that holds a file of this machine already, sharing its bytes, or None where that can't be.

        source: its absolute path, no symbolic link. It must be fit to be served as it is: readable for everybody.
        """

    def size(path: str) -> int | None:
        """Return the size in bytes of what lies there, or None."""

    def read(path: str) -> bytes | None:
        """Return the content, or None where there is nothing."""

    def open(path: str) -> BinaryIO:
        """Return the content as a binary stream that can be read and sought. Raises StorageError where there is nothing."""

    def write(path: str, blocks: Iterable[bytes]) -> None:
        """Replace the content by that of an iterable of bytes; readers see the old or the new whole."""

    def digest(path: str, algorithm: str = "sha256") -> str | None:
        """Return the hex digest of the content, or None where there is no file; a symbolic link is none."""

    def move(path: str, target: str) -> None:
        """Move to another path, over what may lie there."""

    def remove(path: str) -> None:
        """Remove what lies there, if anything does, and folders that are empty then."""

    def keep_open(folder: str) -> AbstractContextManager[None]:
        """Return a context manager: in its block much is asked about a folder in the root, by any thread."""

    def flush() -> None:
        """Return when all that was put, moved and removed here before would outlive a power cut.

        What one process did counts for the others on its machine. Where each change is safe at once there is nothing to do.
        """

    case_insensitive: bool = Attribute("Whether names that differ in case only are one name here; known after ``prepare``.")

    cheap_listing: bool = Attribute("Whether ``listdir``, and reading a file just written, are cheap, as on a local disk.")

    def listdir(folder: str) -> list[str]:
        """Return the names in a folder, folders with a ``/`` at their end; none where there is nothing.

        Raises StorageError if it is not a folder.
        """

    def free() -> int | None:
        """Return the free space in bytes, or None where there is no limit."""

    def close() -> None:
        """Give back what is held open. What is asked for after that opens it again."""


class IUpload(Interface):
    """One file on its way into the storage; nobody sees it before ``commit``."""

    def write(block: bytes) -> None:
        """Add a block of bytes."""

    def restart() -> None:
        """Forget what was written."""

    def stage() -> None:
        """Hand over what was written, so that ``flush`` of the storage is about it, too."""

    def commit(path: str) -> None:
        """Put the file at the path, whole, over what may lie there."""

    def abort() -> None:
        """Forget it. Does nothing after ``commit``."""


# --- index ----------------------------------------------------------------------------------------------------------------


class IIndexWriter(Interface):
    """Renders pages of the index in one format. Named; ``index_formats`` chooses. Pure: values in, bytes out."""

    root: str | None = Attribute("The path of the page about all projects, or None if it writes none.")
    most_files: int | None = Attribute("How many files a mirror may have for that page to be written, or None for any number.")

    def pages(project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        """Yield the pages of a project as pairs of a path in the mirror and bytes; none if it writes none.

        project: Project, its files those that are published, each with ``stored``. serial: our own, a number.
        """

    def serial(page: bytes) -> int | None:
        """Return our own serial that a page (bytes) of this writer carries, or None."""

    def projects(entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        """Yield blocks of the page about all projects.

        entries: iterable of Entry in order of normalised name.
        serial: our own, of the whole mirror.
        """


class IWholeIndexWriter(IIndexWriter):
    """An index writer whose page about all projects tells of their files: the entries have a ``section`` each."""

    def section(project: Project) -> bytes:
        """Return what that page says of one project, as bytes.

        project: as for ``pages``. What is returned is kept, and used again as long as neither project nor settings change.
        """


class IMetadataIndexWriter(IIndexWriter):
    """An index writer that tells what core metadata say."""

    def pages(project: Project, serial: int,
              metadata: Callable[[File], bytes | None] | None = None) -> Iterator[tuple[str, bytes]]:
        """As for any; metadata: called with a File, returns its core metadata as bytes, or None where the mirror has none."""


# --- work -----------------------------------------------------------------------------------------------------------------


class IEngine(Interface):
    """Runs units of work. Named; ``engine`` chooses; adapts IMirror."""

    def run(step: Callable[..., Any], tasks: Iterable[Any]) -> Iterator[Any]:
        """Run ``step(mirror, task, emit)`` for every task and yield what the step emits and returns, as it comes.

        step: a function that can be imported. tasks: iterable of plain values, drawn only as fast as they are done.
        Steps call ``emit`` with events to be seen within a moment, or with their value where they run on another machine; the
        value comes last. The order of tasks is not kept.
        A step whose worker is lost is run again by another one.
        """

    def close() -> None:
        """Stop workers; called when no step is under way."""


class IObserver(Interface):
    """Sees the events of a run and changes nothing. Named. Called in the coordinator's thread only."""

    def notify(event: Any) -> None:
        """Take note of an event of ``pypimirror.events``."""
