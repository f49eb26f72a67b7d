"""The values of a bundle: what its manifest contains."""

from __future__ import annotations

from typing import NamedTuple

#: The format of manifests that this version writes, and the newest that it reads.
FORMAT, VERSION = "pypimirror-bundle", 2
#: Kinds of bundles: everything; changes since a mark; everything, without the files that the other side has.
FULL, DELTA, AGAINST = "full", "delta", "against"
#: The folder of records in a bundle; no path of a mirror starts with it.
RECORDS = ".bundle/"
#: The folder of advisories in a bundle; its name is not that of a project.
ADVISORIES = f"{RECORDS}osv.d/"


class BundleHeader(NamedTuple):
    """The first line of a manifest."""

    #: Identifies the bundle: equal for two exports with the same content.
    bundle: str
    #: Identifies the mirror that was exported.
    mirror: str
    kind: str
    #: The mark that the other side must have, or None; the mark that it has after the import.
    base: str | None
    end: str
    #: The mirror's serial of the pages about all projects.
    serial: int
    #: Modification time of the members of parts, in seconds since 1970.
    time: int
    #: Whether the files are in a plain tree, for a site without this program.
    tree: bool = False
    #: Settings that decide on the content of pages, by key.
    pages: tuple[tuple[str, str], ...] = ()
    #: Names of all pin files that the mirror publishes.
    pins: tuple[str, ...] = ()
    version: int = VERSION
    #: The advisories in the bundle: FULL, DELTA, or empty if the mirror has none.
    advisories: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether it names all projects, so that others are removed."""
        return self.kind != DELTA


class ProjectLine(NamedTuple):
    """A project that changed; its members follow."""

    name: str
    #: The mirror's serial of its pages.
    serial: int
    display: str


class BundleMember(NamedTuple):
    """A file of the bundle: a path of the mirror, or a record."""

    path: str
    size: int
    sha256: str


class PartLine(NamedTuple):
    """The end of a part; its members precede."""

    number: int
    size: int


class RemovedPath(NamedTuple):
    """A path that the mirror no longer has, and why."""

    path: str
    reason: str


class RemovedProject(NamedTuple):
    """A project that the mirror no longer has, and why."""

    name: str
    reason: str


class End(NamedTuple):
    """The last line; a manifest without it is truncated."""

    projects: int
    members: int
    bytes: int
    parts: int
    removed: int


Line = ProjectLine | BundleMember | PartLine | RemovedPath | RemovedProject | End


def advisory_path(identifier: str) -> str:
    """Return the path of an advisory in a bundle."""
    return f"{ADVISORIES}{identifier}.json"


def advisory_id(path: str) -> str | None:
    """Return the id of the advisory at a path in a bundle; None if the path is not that of an advisory."""
    is_advisory = path.startswith(ADVISORIES) and path.endswith(".json")
    return path.removeprefix(ADVISORIES).removesuffix(".json") if is_advisory else None


def part_name(number: int) -> str:
    """Return the file name of a part."""
    return f"part-{number:04}.tar"
