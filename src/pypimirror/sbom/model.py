"""The values that a software bill of materials is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from .licenses import License

_NO_HASHES: Mapping[str, str] = {}


class EmbeddedSbom(NamedTuple):
    """A file below ``.dist-info/sboms`` of a wheel (PEP 770)."""

    #: Its path in the wheel.
    path: str
    sha256: str


class ComponentFile(NamedTuple):
    """A distribution file of a release."""

    filename: str
    #: Below ``base_url``; without it, the path in the mirror.
    url: str
    #: Hex digests by algorithm, as hashlib names them.
    hashes: Mapping[str, str] = _NO_HASHES
    sboms: tuple[EmbeddedSbom, ...] = ()


class Component(NamedTuple):
    """One release."""

    #: Normalised.
    project: str
    #: As registered.
    name: str
    version: str
    files: tuple[ComponentFile, ...] = ()
    license: License = License()
    license_files: tuple[str, ...] = ()
    summary: str = ""
    author: str = ""
    #: Label and URL of each link to a page about the project.
    links: tuple[tuple[str, str], ...] = ()
    #: Ids and links of the advisories about it.
    advisories: tuple[tuple[str, str], ...] = ()

    @property
    def purl(self) -> str:
        """The package URL of the release."""
        return purl(self.project, self.version)


def purl(project: str, version: str) -> str:
    """Return the package URL of a release. project: normalised."""
    return f"pkg:pypi/{project}@{quote(version, safe='')}"
