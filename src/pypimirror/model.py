"""Immutable values that the steps of a run exchange."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from zope.interface import implementer

from .advisory import Advisory
from .interfaces import IUpstream
from .names import METADATA, PROVENANCE, SIGNATURE
from .read_only import ReadOnlyDict

NOTHING: Mapping[str, Any] = ReadOnlyDict()


class Stored(NamedTuple):
    """The mirror's copy of a file, with its sidecars."""

    sha256: str
    #: Bytes.
    size: int
    #: The sha256 of its ``.metadata`` file (PEP 658), if there is one.
    metadata: str | None = None
    #: Whether the mirror's pages list it.
    published: bool = False
    #: Of an external file: its ``validator`` at the time of the download.
    validator: str | None = None
    #: The sha256 of its ``.provenance`` file (PEP 740), if there is one.
    provenance: str | None = None
    #: The sha256 of its ``.asc`` file (PEP 503), if there is one.
    signature: str | None = None
    #: Whether it was another index's, and the index that has the project now gives no hash to compare it with.
    foreign: bool = False
    #: The mirror's own upload time, where upstream gives none.
    upload_time: str | None = None
    #: Its source (``sync.upload_times``).
    upload_time_source: str | None = None

    def beside(self) -> dict[str, str]:
        """Return the sha256 of the file's sidecars by suffix."""
        found = {METADATA: self.metadata, PROVENANCE: self.provenance, SIGNATURE: self.signature}
        return {suffix: sha256 for suffix, sha256 in found.items() if sha256 is not None}


class File(NamedTuple):
    """A distribution file on upstream's page, with the mirror's copy of it.

    Fields of PEP 691 and PEP 700 have the same names, with underscores. The order of the fields is the order in the state's
    records: new fields must be appended.
    """

    filename: str
    #: Absolute URL without fragment.
    url: str
    hashes: Mapping[str, str] = NOTHING
    size: int | None = None
    upload_time: str | None = None
    requires_python: str | None = None
    #: False, or True, or the reason.
    yanked: bool | str = False
    #: Whether there is a metadata file, or its hashes.
    core_metadata: bool | Mapping[str, str] = False
    gpg_sig: bool | None = None
    #: The absolute URL of its provenance file.
    provenance: str | None = None
    #: Non-standard keys of upstream, which are passed on.
    extra: Mapping[str, Any] = NOTHING
    #: Whether upstream's page still lists it.
    listed: bool = True
    stored: Stored | None = None
    #: The link that led to it, for a file on another host without a hash, or one that upstream's index does not list (PEP 438).
    external: str | None = None
    #: Current ETag or Last-Modified of an external file (``upstream.validators``).
    validator: str | None = None
    #: Whether to keep it although upstream does not list it: adopted from an older mirror, or restored from the trash.
    adopted: bool = False
    #: Whether it is from an upstream index that the project is no longer taken from; then it is removed in any case.
    superseded: bool = False
    #: When it first appeared on upstream's page, in seconds since 1970. Only for files without upload time, or with one in
    #: the future; None if unknown.
    seen: int | None = None
    #: Computed hashes of algorithms that upstream lacks, by algorithm; for pins with hashes.
    digests: Mapping[str, str] = NOTHING
    #: Whether it was restored from the trash although it is malicious.
    forced: bool = False
    #: Whether upstream has added it since the mirror first read the page, and no run has selected it yet.
    added: bool = False
    #: Descriptions of the publishers in its provenance, empty without provenance; None if they were not read.
    publishers: tuple[str, ...] | None = None

    def with_stored(self, stored: Stored | None) -> "File":
        """Return the file with another copy of the mirror, as ``_replace`` does in five times the time."""
        return File._make((*self[:_STORED], stored, *self[_STORED + 1:]))

    @property
    def content_hashes(self) -> Mapping[str, str]:
        """All known hashes of the content; upstream's take precedence over computed ones."""
        stored = {"sha256": self.stored.sha256} if self.stored is not None else {}
        return {**self.digests, **stored, **self.hashes}

    @property
    def shown_upload_time(self) -> str | None:
        """The upload time for pages: upstream's, else the mirror's own."""
        return self.upload_time or (self.stored.upload_time if self.stored is not None else None)

    @property
    def signed(self) -> bool | None:
        """Whether the mirror has its signature (PEP 503); None if it is unknown whether there is one."""
        if self.stored is not None and self.stored.signature:
            return True
        return False if self.gpg_sig is False else None


_STORED = File._fields.index("stored")


class Project(NamedTuple):
    """A project: upstream's page, with the mirror's copies of its files."""

    #: Normalised (PEP 503).
    name: str
    files: tuple[File, ...] = ()
    #: Name as registered upstream; empty if unknown.
    display: str = ""
    #: Upstream's serial of the page: a number or a string, or None.
    serial: int | str | None = None
    etag: str | None = None
    #: ``project-status`` (PEP 792): its ``status`` and ``reason``; empty if upstream has none.
    status: Mapping[str, str] = NOTHING
    #: Further keys of upstream's page.
    extra: Mapping[str, Any] = NOTHING
    #: Further keys of the page's ``meta``.
    meta: Mapping[str, Any] = NOTHING
    #: Whether upstream has it.
    listed: bool = True
    #: The paths of its pages in the mirror.
    pages: tuple[str, ...] = ()
    #: Absolute URL of upstream's page. Not saved in the state.
    url: str = ""
    #: Absolute URLs of the page's links of ``rel="homepage"`` and ``rel="download"`` (PEP 438). Not saved in the state.
    links: tuple[str, ...] = ()
    #: Names of files whose entries on upstream's page are left out as invalid. Not saved in the state.
    unread: tuple[str, ...] = ()
    #: Problems of excluded files of the site's own projects.
    damaged: tuple[str, ...] = ()
    #: The URL of its upstream index, without credentials; empty if unknown.
    upstream: str = ""
    #: ``json`` if the page was JSON, the most detailed format; else empty.
    form: str = ""
    #: Why the page may be outdated (``sync.freshness``); empty if it is current.
    doubt: str = ""
    #: The serial of upstream's list that the page has not reached yet, or that it was ahead of; empty if both were equal.
    promised: str = ""
    #: The advisories about it at its last evaluation.
    advisories: tuple[Advisory, ...] = ()

    @property
    def quarantined(self) -> bool:
        """Whether the project is quarantined, so that no files may be offered (PEP 792)."""
        return self.status.get("status") == "quarantined"

    def published(self) -> "Project":
        """Return a copy with only the published files."""
        return self._replace(files=tuple(file for file in self.files if file.stored is not None and file.stored.published))


class ListedProject(NamedTuple):
    """An entry of upstream's list of projects."""

    display: str
    serial: int | str | None = None


class ProjectList(NamedTuple):
    """The selected projects of upstream's list."""

    #: By normalised name.
    projects: Mapping[str, ListedProject]
    #: The number of all projects that upstream lists.
    total: int = 0
    etag: str | None = None
    #: Whether the list has a serial for each project.
    serials: bool = False
    #: Whether the list has not changed; ``projects`` is empty then.
    unchanged: bool = False
    #: The URL of the index of most projects.
    upstream: str = ""
    #: The URLs of the indexes of all other projects, by normalised name.
    elsewhere: Mapping[str, str] = NOTHING
    #: Descriptions of invalid entries.
    problems: tuple[str, ...] = ()
    #: The serial of the whole list of ``upstream``.
    serial: int | str | None = None
    #: Normalised names of projects whose serial may be a constant: their index lists no other one to compare it with, it is not
    #: positive, or the list has another one for the same project.
    unproven: frozenset[str] = frozenset()

    def origin(self, name: str) -> str:
        """Return the URL of a project's upstream index."""
        return self.elsewhere.get(name, self.upstream)


class KnownProject(NamedTuple):
    """What a run needs to know of a project to decide whether to evaluate it."""

    name: str
    #: Upstream's serials at the last evaluation, of the list and of the page; None to read the page again.
    list_serial: str | None
    page_serial: str | None
    #: Whether a run must publish it.
    pending: bool
    #: Time of the next change of a timed filter's result, in seconds since 1970, or None.
    due: float | None = None
    #: Name as registered, if known.
    display: str = ""


class RequiredReleases(NamedTuple):
    """Releases that are selected whatever the filters on releases: versions by normalised project name."""

    pinned: Mapping[str, frozenset[str]] = NOTHING
    #: ``algorithm:hexdigest`` of the files that a pin allows, by project and version; missing for pins without hashes.
    hashes: Mapping[tuple[str, str], frozenset[str]] = {}
    #: No longer pinned, but within the retention period.
    retained: Mapping[str, frozenset[str]] = NOTHING
    #: Their build and runtime requirements.
    followed: Mapping[str, frozenset[str]] = NOTHING
    #: The pins by ``===``, as names and versions.
    arbitrary: frozenset[tuple[str, str]] = frozenset()

    def versions(self) -> Mapping[str, frozenset[str]]:
        """Return all required versions by project."""
        names = {*self.pinned, *self.retained, *self.followed}
        parts = (self.pinned, self.retained, self.followed)
        return {name: frozenset().union(*(part.get(name, ()) for part in parts)) for name in sorted(names)}

    def only_followed(self) -> Mapping[str, frozenset[str]]:
        """Return the versions that requirements alone need, by project: filters for safety apply to these."""
        return {name: versions - self.pinned.get(name, frozenset()) - self.retained.get(name, frozenset())
                for name, versions in self.followed.items()}


class Totals(NamedTuple):
    """Sums over the whole mirror."""

    projects: int = 0
    files: int = 0
    bytes: int = 0
    #: Number of yanked files on the pages.
    yanked: int = 0
    #: Number of yanked files that the filters exclude.
    hidden: int = 0


class Change(NamedTuple):
    """The changes that a run makes to a project."""

    name: str
    #: Number of files to fetch.
    fetch: int = 0
    #: Bytes of the files to fetch whose size is known.
    fetch_bytes: int = 0
    #: Number of the files to fetch whose size is unknown.
    unsized: int = 0
    #: Number of files to remove.
    remove: int = 0
    #: How many of the files to remove were removed upstream.
    remove_upstream: int = 0
    #: How many of the files to remove are excluded by an urgent filter (``IUrgentFilter``).
    remove_urgent: int = 0
    #: Whether the project is removed from the mirror.
    project_removed: bool = False
    #: Whether upstream has removed the project.
    removed_upstream: bool = False
    quarantined: bool = False
    #: Whether its pages change.
    rewrite: bool = False
    #: Whether ``filename_matches`` excludes all files.
    all_filtered: bool = False
    #: How many of the files to remove each filter excludes: pairs of interface and name, as ``IFilter yanked``, and number.
    removed_by: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fetch or self.remove or self.project_removed or self.rewrite)


@implementer(IUpstream)
class Upstream(NamedTuple):
    """The location of an upstream index."""

    url: str


class Head(NamedTuple):
    """Status and headers of an HTTP response."""

    status: int
    #: By name in lower case.
    headers: Mapping[str, str]
    #: The final URL, after redirects.
    url: str


class Entry(NamedTuple):
    """A project on a page about all projects."""

    name: str
    display: str
    #: The mirror's own serial.
    serial: int
    #: The number of files on its pages.
    files: int = 0
    #: Its fragment of a page that lists files (``IWholeIndexWriter.section``).
    section: bytes = b""
