"""The values that travel through the mirror; nothing here changes once made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from zope.interface import implementer

from .interfaces import IUpstream
from .names import METADATA, PROVENANCE, SIGNATURE

NOTHING: Mapping[str, Any] = {}


class Stored(NamedTuple):
    """What the mirror has of a file."""

    sha256: str
    #: Bytes.
    size: int
    #: The sha256 of the ``.metadata`` file beside it (PEP 658), if there is one.
    metadata: str | None = None
    #: Whether our pages name it.
    published: bool = False
    #: Of an external file: its ``validator`` when it was fetched.
    validator: str | None = None
    #: The sha256 of the ``.provenance`` file beside it (PEP 740) and of the ``.asc`` file (PEP 503), if there are any.
    provenance: str | None = None
    signature: str | None = None

    def beside(self) -> dict[str, str]:
        """Return the sha256 of what lies beside the file, by what the name of the file gets at its end."""
        found = {METADATA: self.metadata, PROVENANCE: self.provenance, SIGNATURE: self.signature}
        return {suffix: sha256 for suffix, sha256 in found.items() if sha256 is not None}


class File(NamedTuple):
    """One distribution as upstream's page tells of it, and what the mirror has of it.

    The facts are those of PEP 691 and PEP 700, under the same names with underscores. The order is that of the records in the
    state: what is new comes last.
    """

    filename: str
    #: Absolute, without fragment.
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
    #: Keys of upstream's that no standard we know names; passed on as they are.
    extra: Mapping[str, Any] = NOTHING
    #: Whether upstream's page still lists it.
    listed: bool = True
    stored: Stored | None = None
    #: The link that leads to it, where upstream's index names it without a hash on another host (PEP 438) or not itself.
    external: str | None = None
    #: ETag or Last-Modified of an external file as its host has it now (``source.answers``).
    validator: str | None = None
    #: Whether it stays although upstream does not list it: it came from an older mirror without upstream ever listing it, or
    #: was put back from the trash by hand.
    adopted: bool = False
    #: Whether it is from an upstream index that does not count for the project any more, since another one does: then it goes,
    #: whatever else would keep it.
    superseded: bool = False
    #: When this mirror first saw it on upstream's page, in seconds since 1970. Kept for files without upload time alone; None
    #: also where it was there before that was noted.
    seen: int | None = None
    #: Hashes of the content that upstream does not give, by algorithm: computed once it was here, for pins that give hashes.
    digests: Mapping[str, str] = NOTHING

    @property
    def content_hashes(self) -> Mapping[str, str]:
        """Return all hashes that are known of the content, upstream's before computed ones."""
        stored = {"sha256": self.stored.sha256} if self.stored is not None else {}
        return {**self.digests, **stored, **self.hashes}

    @property
    def signed(self) -> bool | None:
        """Whether the mirror has its signature (PEP 503), None where nobody says that there is none."""
        if self.stored is not None and self.stored.signature:
            return True
        return False if self.gpg_sig is False else None


class Project(NamedTuple):
    """One project: upstream's page and what the mirror has of it."""

    #: Normalised (PEP 503).
    name: str
    files: tuple[File, ...] = ()
    #: As registered upstream; empty where that is not known.
    display: str = ""
    #: Upstream's serial when the page was read: a number or a string, or None where upstream has none.
    serial: int | str | None = None
    etag: str | None = None
    #: ``project-status`` (PEP 792): its ``status`` and ``reason``; empty where upstream says nothing.
    status: Mapping[str, str] = NOTHING
    #: Further keys of upstream's page and of its ``meta``.
    extra: Mapping[str, Any] = NOTHING
    meta: Mapping[str, Any] = NOTHING
    #: Whether upstream has it.
    listed: bool = True
    #: The paths of our pages about it.
    pages: tuple[str, ...] = ()
    #: The page that this was read from, and its links of ``rel="homepage"`` and ``rel="download"`` (PEP 438): absolute URLs.
    #: Known while a page is looked at, and not remembered.
    url: str = ""
    links: tuple[str, ...] = ()
    #: What is wrong with files of the site's own that were left out, in words.
    damaged: tuple[str, ...] = ()
    #: The upstream index that it was read from: its URL without credentials. Empty where that is not known.
    upstream: str = ""
    #: The form of the page that says most of files, ``json``; empty for others.
    form: str = ""
    #: Why the page does not count as upstream's present state (``sync.freshness``); empty where it does.
    doubt: str = ""
    #: The serial that upstream's list promised and the page has not reached yet, as the state has it; empty where it has.
    promised: str = ""

    @property
    def quarantined(self) -> bool:
        """Whether upstream says to offer no files for now (PEP 792)."""
        return self.status.get("status") == "quarantined"

    def published(self) -> Project:
        """Give it with the files alone that its pages name."""
        return self._replace(files=tuple(file for file in self.files if file.stored is not None and file.stored.published))


class ListedProject(NamedTuple):
    """One line of upstream's list of projects."""

    display: str
    serial: int | str | None = None


class ProjectList(NamedTuple):
    """Upstream's list of projects, narrowed to the names that were asked for."""

    #: By normalised name.
    projects: Mapping[str, ListedProject]
    #: How many projects upstream lists in all.
    total: int = 0
    etag: str | None = None
    #: Whether upstream gives a serial for each project.
    serials: bool = False
    #: Whether the body was the one already known, so that ``projects`` is empty for that reason.
    unchanged: bool = False
    #: The upstream index that projects are from, and by name that of those which are from another one: URLs.
    upstream: str = ""
    elsewhere: Mapping[str, str] = NOTHING
    #: What was left out because it tells no project, in words.
    problems: tuple[str, ...] = ()
    #: The serial of the whole list, of ``upstream``.
    serial: int | str | None = None

    def origin(self, name: str) -> str:
        """Return the upstream index that a project is from."""
        return self.elsewhere.get(name, self.upstream)


class KnownProject(NamedTuple):
    """What the state remembers of a project between runs."""

    name: str
    #: Upstream's serials when its page was last read, as texts: the list's and the page's own. None: to be read again.
    list_serial: str | None
    page_serial: str | None
    #: Whether a run still has to finish with it.
    pending: bool
    #: When the selection changes by itself, in seconds since 1970, or None.
    due: float | None = None
    #: As registered, as far as that is known.
    display: str = ""


class RequiredReleases(NamedTuple):
    """The releases that are needed whatever filters on releases say: versions by normalised project name."""

    pinned: Mapping[str, frozenset[str]] = NOTHING
    #: ``algorithm:hexdigest`` of the files that a pin allows, by project and version; nothing for a pin without hashes.
    hashes: Mapping[tuple[str, str], frozenset[str]] = {}
    #: No longer pinned, but not for long enough to go.
    retained: Mapping[str, frozenset[str]] = NOTHING
    #: What those need to be built and to run.
    followed: Mapping[str, frozenset[str]] = NOTHING

    def versions(self) -> Mapping[str, frozenset[str]]:
        """Return all of them."""
        names = {*self.pinned, *self.retained, *self.followed}
        parts = (self.pinned, self.retained, self.followed)
        return {name: frozenset().union(*(part.get(name, ()) for part in parts)) for name in sorted(names)}


class Totals(NamedTuple):
    """Sums over the whole mirror."""

    projects: int = 0
    files: int = 0
    bytes: int = 0
    #: Files that are listed with a mark, and those left out for it.
    yanked: int = 0
    hidden: int = 0


class Change(NamedTuple):
    """What a run would do to one project."""

    name: str
    #: Files to fetch, their bytes as far as upstream tells, and how many it tells no size of.
    fetch: int = 0
    fetch_bytes: int = 0
    unsized: int = 0
    remove: int = 0
    #: Of those to remove, how many because upstream took them away.
    remove_upstream: int = 0
    #: Whether nothing of the project would be left, and whether because upstream does not have it any more.
    project_removed: bool = False
    removed_upstream: bool = False
    quarantined: bool = False
    #: Whether its pages would change.
    rewrite: bool = False
    #: Whether ``filename_matches`` leaves out all it has.
    all_filtered: bool = False

    def __bool__(self) -> bool:
        return bool(self.fetch or self.remove or self.project_removed or self.rewrite)


@implementer(IUpstream)
class Upstream(NamedTuple):
    """Where an upstream index is (IUpstream)."""

    url: str


class Head(NamedTuple):
    """Status and headers of an HTTP response."""

    status: int
    #: By name in lower case.
    headers: Mapping[str, str]
    #: Where redirects led to.
    url: str


class Entry(NamedTuple):
    """One project on the page about all projects."""

    name: str
    display: str
    #: Our own serial.
    serial: int
    #: How many files its pages name.
    files: int = 0
    #: What a page that tells of files says of it (``IWholeIndexWriter.section``).
    section: bytes = b""
