"""What a deployment installs, and where it looks for it: the values that the readers return and the checks judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..model import NOTHING
from ..pins.environments import Environment
from ..pins.model import Pins
from ..pins.resolution import RootRequirement

#: Installers.
PIP, UV, BUILDOUT = "pip", "uv", "buildout"
#: Kinds of places.
INDEX, EXTRA_INDEX, FIND_LINKS, DEPENDENCY_LINK, EXTENDS, LOCKED, DIRECT, DOWNLOAD = (
    "index", "extra index", "find-links", "dependency link", "extends", "locked file", "requirement", "download")


class Place(NamedTuple):
    """A URL that an installer requests."""

    #: One of the kinds above.
    kind: str
    url: str
    #: File and line or section.
    where: str


class Local(NamedTuple):
    """A project that is installed from its source, such as a develop egg."""

    #: Normalised; empty if it is unknown.
    name: str
    folder: str
    requires: tuple[str, ...] = ()
    build_requires: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


class Deployment(NamedTuple):
    """One file, or the pins of the mirror."""

    #: Path or URL, without credentials.
    source: str
    #: One of the installers above.
    tool: str
    #: The kind of the file (``pins.file_kinds``).
    kind: str
    #: What is installed, by environment: markers and conditions are evaluated.
    roots: Mapping[Environment, tuple[RootRequirement, ...]]
    pins: Mapping[Environment, Pins]
    #: Whether only pinned releases are installed.
    pinned_only: bool = False
    #: Whether all pins are installed, not only those that a root requires.
    installs_pins: bool = False
    places: tuple[Place, ...] = ()
    locals: tuple[Local, ...] = ()
    #: Hosts that the installer may contact, as patterns, or None for all.
    allow_hosts: tuple[str, ...] | None = None
    #: Whether the builds of sdists and local projects use the index of the mirror only.
    confines_builds: bool = True
    #: Whether the requirements of what is installed are installed too; a lock names everything.
    follows: bool = True
    #: Whether no sdists are installed.
    wheels_only: bool = False
    #: Only files that were uploaded before this time are installed, as written; empty for all.
    uploaded_before: str = ""
    #: Further facts of the file: what can't be judged, and what is left out.
    notes: tuple[str, ...] = ()
    #: Errors in the file.
    problems: tuple[str, ...] = ()
    #: Options that the tool reads, such as ``no-index``, each with the place where it is set.
    options: Mapping[str, str] = NOTHING

    @property
    def environments(self) -> tuple[Environment, ...]:
        return tuple(self.roots)

    def local_names(self) -> frozenset[str]:
        """Return the normalised names of projects that are installed from their source."""
        return frozenset(local.name for local in self.locals if local.name)

    def pinned(self, name: str) -> frozenset[str]:
        """Return the versions that a project is pinned to in any environment. name: normalised."""
        return frozenset().union(*(pins.versions.get(name, ()) for pins in self.pins.values()))


def group_environments(deployment: Deployment) -> Iterable[tuple[tuple[Environment, ...], tuple[RootRequirement, ...], Pins]]:
    """Yield the environments that have the same roots and pins, with these."""
    found: dict[tuple[object, ...], list[Environment]] = {}
    for environment, roots in deployment.roots.items():
        pins = deployment.pins[environment]
        key = (roots, tuple(sorted((name, tuple(sorted(some))) for name, some in pins.versions.items())))
        found.setdefault(key, []).append(environment)
    for environments in found.values():
        first = environments[0]
        yield tuple(environments), deployment.roots[first], deployment.pins[first]
