"""Advisories about releases, as the OSV schema describes them (https://ossf.github.io/osv-schema/)."""

from __future__ import annotations

from typing import NamedTuple

from .names import MALICIOUS


class VersionRange(NamedTuple):
    """A range of affected versions (``ranges`` of the OSV schema)."""

    #: The first affected version; ``0`` for all early ones.
    introduced: str
    #: The end of the range; empty if it has none.
    end: str = ""
    #: Whether the end itself is affected.
    inclusive: bool = False


class Advisory(NamedTuple):
    """An advisory about releases of one project."""

    id: str
    #: Ids of other databases for the same vulnerability.
    aliases: tuple[str, ...] = ()
    summary: str = ""
    #: ``low``, ``medium``, ``high`` or ``critical``; empty if unknown.
    severity: str = ""
    #: The affected versions: ranges, and versions outside of them.
    ranges: tuple[VersionRange, ...] = ()
    versions: tuple[str, ...] = ()
    #: Versions that fix it.
    fixed: tuple[str, ...] = ()
    #: The URL of a page about it; empty without one.
    link: str = ""

    @property
    def is_malicious(self) -> bool:
        """Whether it is about malicious releases, not about a vulnerability."""
        return self.id.startswith(MALICIOUS)
