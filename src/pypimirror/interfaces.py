"""The contracts of the mirror, in the order in which data meets them.

Source -> Selection (filters) -> Plan -> Fetch -> Storage -> Index -> State

Components are named adapters of the settings of one mirror, unless their interface says what else they adapt. They are
registered by ZCML in that mirror's own registry, know nothing of each other, do no input or output when they are made, and are
used by several threads at once. For what can go wrong outside the program they raise errors of ``pypimirror.errors`` alone.
"""

from zope.interface import Attribute, Interface


class ISettings(Interface):
    """The effective settings of one mirror: an immutable mapping of plain values, the same in every process."""

    def __getitem__(key):
        """Return the value of the key; KeyError for a key that nobody declared."""

    def origin(key):
        """Say where the value came from: a file and section, ``command line``, or ``default``."""


class IMirror(Interface):
    """One mirror: its settings and its components, each made when first asked for."""

    settings = Attribute("ISettings")
    registry = Attribute("The registry of its components, a zope.interface.registry.Components.")
    workers = Attribute("How many requests this process may have under way at once.")
    storage = Attribute("IStorage")
    fetcher = Attribute("IFetcher")
    gate = Attribute("Lets requests through to the fetcher, no more at once than ``workers``: pypimirror.fetch.gate.Gate.")
    source = Attribute("ISource, the upstream indexes as one.")
    upstreams = Attribute("Where the upstream indexes are, in order of precedence: a tuple of URLs without credentials.")
    own = Attribute("The site's own distributions (``local_packages``): pypimirror.model.Listing, its upstream their place.")
    parsers = Attribute("A mapping of media type to IParser.")
    writers = Attribute("The index writers in use: a tuple of IIndexWriter.")
    formats = Attribute("All index writers that there are, in use or not: a tuple of IIndexWriter.")
    needs = Attribute("What is pinned and what that needs: pypimirror.model.Needs.")

    def need(needs):
        """Take note of other needs; between the steps of a run only."""

    def bound(most):
        """Have no more than so many requests under way, and threads at work, from now on."""

    selection = Attribute("What is asked for: pypimirror.selection.Selection.")
    engine = Attribute("IEngine")
    attempts = Attribute("How often things are tried: pypimirror.fetch.attempts.Attempts.")
    crew = Attribute("Who is at work, and idle hands for the files of one project: pypimirror.engine.crew.Crew.")
    core_metadata = Attribute("Reads core metadata: pypimirror.core_metadata.CoreMetadata.")
    room = Attribute("Keeps ``min_free`` free: pypimirror.storage.room.Room.")
    trash = Attribute("Where removed files wait: pypimirror.upkeep.trash.Trash.")


# --- upstream -------------------------------------------------------------------------------------------------------------


class IReceiver(Interface):
    """Takes the body of one response."""

    def start(head):
        """Called once, when status and headers are there. head: Head. May raise to refuse the body."""

    def write(block):
        """Called for each block of the body (bytes), in order. May raise to stop the transfer."""


class IFetcher(Interface):
    """Gets things by HTTP: pages and files alike. Named; ``fetcher`` chooses."""

    def fetch(url, receiver, headers=None):
        """GET the URL once, following redirects, and hand head and body to the receiver (IReceiver).

        headers: further request headers. Credentials come from the URL or from netrc.
        Returns the Head. An answer of any status is an answer: what a status means is the caller's to say.
        A body that ended early is an error. Content encodings are undone only where the request asked for one.
        Raises FetchError, ``transient`` where asking again can help.
        """

    def close():
        """Give connections back."""


class IParser(Interface):
    """Reads lists and project pages in one format. A utility named by its media type."""

    quality = Attribute("The ``q`` value for the Accept header, 1.0 for the form that says most.")

    def listing(wanted):
        """Return an IListReader for one list of projects.

        wanted: called with a normalised name, says whether it is asked for. If it has an attribute ``written``, that is what
        IWrittenNames has under that name, or None.
        """

    def project(body, name, url):
        """Read a project's page.

        body: bytes; name: the normalised name; url: that of the page, for relative links.
        Returns (Project, problems): a list of lines tells what was left out because it was malformed or not to be trusted.
        Raises BadPage.
        """


class IListReader(Interface):
    """Reads one list of projects, block by block."""

    def write(block):
        """Take the next block of the body (bytes)."""

    def finish():
        """Return the Listing. Raises BadPage."""


class IUpstream(Interface):
    """Where an upstream index is."""

    url = Attribute("Its URL; one with http or https is without credentials, since the fetcher adds these.")


class ISource(Interface):
    """One upstream index. Named by the scheme of its URL; adapts IUpstream and IMirror."""

    def listing(wanted, etag=None):
        """Return the Listing of the projects whose normalised names ``wanted`` takes.

        etag: that of the list already known; the Listing says ``unchanged`` if it still holds.
        Raises FetchError, BadPage.
        """

    def project(name, etag=None, since=None):
        """Return a pair of Project and problems (lines), or ``(None, ())`` where the page has not changed.

        etag: that of the page already known. since: a time, in seconds since 1970, before which changes do not count; used
        where there is no ETag. With neither the page is read in any case.
        Raises Absent if upstream has no such project; FetchError, BadPage.
        """


# --- selection ------------------------------------------------------------------------------------------------------------


class INameFilter(Interface):
    """Decides by name which projects are mirrored. Named; all that are registered must agree."""

    active = Attribute("Whether the settings give it anything to do; one that has nothing to do is never asked.")
    over_pins = Attribute("Whether it holds for pinned projects too; they are taken without asking it otherwise.")
    exact = Attribute("The set of normalised names it can take, or None where only a list of all names tells.")

    def __call__(name):
        """Whether the project of this normalised name is asked for."""


class IWrittenNames(INameFilter):
    """A name filter that tells how the names are written that it takes, so that a long list can be searched for them."""

    written = Attribute("A regular expression (a text) that all names it takes match as a whole, however they are written, but "
                        "for the case of letters; it never matches a quotation mark. None where it can't tell.")


class IFilter(Interface):
    """Decides which distributions of a project are mirrored. Named; ``filters`` chooses and orders.

    Files whose name tells no version are a release of no filter: one on releases lets them through unless it asks for versions.
    """

    active = Attribute("Whether the settings give it anything to do; one that has nothing to do is never asked.")
    over_pins = Attribute("True for a filter on files: it holds for everything. False for one on releases: pinned ones stay.")
    reason = Attribute("What ``plan`` prints for a file left out, such as 'older than the newest 3 releases'.")

    def select(project):
        """Return the files of the project that stay.

        project: Project, its files already narrowed by the filters named before this one.
        Returns an iterable of File, a subset of ``project.files``.
        """


class ITimedFilter(IFilter):
    """A filter whose answer changes as time goes by."""

    def due(project):
        """Return the time when ``select`` will next say something else about this same project, or None for never.

        In seconds since 1970, later than now.
        """


class IMetadataFilter(IFilter):
    """A filter that reads core metadata."""

    def select(project, metadata=None):
        """Return the files of the project that stay.

        metadata: called with a File, returns its core metadata as bytes, or None where there is none to be had. It may fetch,
        and what it raises is not caught here. Without it no file has any.
        """


# --- storage --------------------------------------------------------------------------------------------------------------


class IStorage(Interface):
    """The mirror's place. Named by the scheme of ``mirror_file_path``.

    Paths are relative, with ``/`` between parts, and never leave the mirror. Raises StorageError.
    """

    def check():
        """Raise ConfigurationError if the place can't be written or holds something that is not a mirror. Touches nothing."""

    def prepare():
        """Make the place ready for a run by the holder of the lock: create it, clear what earlier runs left unfinished."""

    def finish():
        """Take note that a run came to its end, so that the next one need not look for what it left unfinished."""

    def create():
        """Return a new IUpload."""

    def link(source):
        """Return an IUpload that holds a file of this machine already, sharing its bytes, or None where that can't be.

        source: its absolute path, no symbolic link. It must be fit to be served as it is: readable for everybody.
        """

    def size(path):
        """Return the size in bytes of what lies there, or None."""

    def read(path):
        """Return the content, or None where there is nothing."""

    def open(path):
        """Return the content as a binary stream that can be read and sought. Raises StorageError where there is nothing."""

    def write(path, blocks):
        """Replace the content by that of an iterable of bytes; readers see the old or the new whole."""

    def digest(path, algorithm="sha256"):
        """Return the hex digest of the content, or None where there is no file; a symbolic link is none."""

    def move(path, target):
        """Move to another path, over what may lie there."""

    def remove(path):
        """Remove what lies there, if anything does, and folders that are empty then."""

    def near(folder):
        """Return a context manager: in its block much is asked about a folder in the root, by any thread."""

    def flush():
        """Return when all that was put, moved and removed here before would outlive a power cut.

        What one process did counts for the others on its machine. Where each change is safe at once there is nothing to do.
        """

    folds_case = Attribute("Whether names that differ in case only are one name here; known after ``prepare``.")

    at_hand = Attribute("Whether ``names``, and reading what was just put here, cost next to nothing. Where not, a run asks "
                        "for what it works on alone.")

    def names(folder):
        """Return the names in a folder, folders with a ``/`` at their end; none where there is nothing.

        Raises StorageError where something else lies in its place.
        """

    def free():
        """Return the free space in bytes, or None where there is no limit."""

    def close():
        """Give back what is held open. What is asked for after that opens it again."""


class IUpload(Interface):
    """One file on its way into the storage; nobody sees it before ``commit``."""

    def write(block):
        """Add a block of bytes."""

    def restart():
        """Forget what was written."""

    def settle():
        """Hand over what was written, so that ``flush`` of the storage is about it, too."""

    def commit(path):
        """Put the file at the path, whole, over what may lie there."""

    def abort():
        """Forget it. Does nothing after ``commit``."""


# --- index ----------------------------------------------------------------------------------------------------------------


class IIndexWriter(Interface):
    """Renders pages of the index in one format. Named; ``index_formats`` chooses. Pure: values in, bytes out."""

    root = Attribute("The path of the page about all projects, or None if it writes none.")
    most_files = Attribute("How many files a mirror may have for that page to be written, or None for any number.")

    def pages(project, serial):
        """Yield the pages of a project as pairs of a path in the mirror and bytes; none if it writes none.

        project: Project, its files those that are published, each with ``stored``. serial: our own, a number.
        """

    def serial(page):
        """Return our own serial that a page (bytes) of this writer carries, or None."""

    def projects(entries, serial):
        """Yield blocks of the page about all projects.

        entries: iterable of Entry in order of normalised name.
        serial: our own, of the whole mirror.
        """


class IWholeIndexWriter(IIndexWriter):
    """An index writer whose page about all projects tells of their files: the entries have a ``section`` each."""

    def section(project):
        """Return what that page says of one project, as bytes.

        project: as for ``pages``. What is returned is kept, and used again as long as neither project nor settings change.
        """


class IMetadataIndexWriter(IIndexWriter):
    """An index writer that tells what core metadata say."""

    def pages(project, serial, metadata=None):
        """As for any; metadata: called with a File, returns its core metadata as bytes, or None where the mirror has none."""


# --- work -----------------------------------------------------------------------------------------------------------------


class IEngine(Interface):
    """Runs units of work. Named; ``engine`` chooses; adapts IMirror."""

    def run(step, tasks):
        """Run ``step(mirror, task, emit)`` for every task and yield what the step emits and returns, as it comes.

        step: a function that can be imported. tasks: iterable of plain values, drawn only as fast as they are done.
        Steps call ``emit`` with events to be seen within a moment, or with their value where they run on another machine; the
        value comes last. The order of tasks is not kept.
        A step whose worker is lost is run again by another one.
        """

    def close():
        """Stop workers; called when no step is under way."""


class IObserver(Interface):
    """Sees the events of a run and changes nothing. Named. Called in the coordinator's thread only."""

    def notify(event):
        """Take note of an event of ``pypimirror.events``."""
