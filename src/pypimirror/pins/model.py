"""Pins as values, and the comparison of their versions."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..errors import MirrorError
from ..metadata.filenames import MAX_VERSION, pep440, release
from ..names import shown
from .pinned_releases import PinnedReleases, pinned_of

if TYPE_CHECKING:
    from packaging.version import Version

#: One release: normalised name and version.
Release = tuple[str, str]

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
#: Versions from before PEP 440, such as ``2004d``. No operators, no wildcards, no white space.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")


class InvalidPins(MirrorError):
    """A pin file is invalid. The message names file and line."""


class Pins(NamedTuple):
    """Pins of one or several pin files, for all Python versions and platforms."""

    #: Versions by normalised name: in normal form (PEP 440), or as written if they are not valid by PEP 440.
    versions: Mapping[str, frozenset[str]] = {}
    #: ``algorithm:hexdigest`` of the files that a pin allows; no key for a pin without hashes.
    hashes: Mapping[Release, frozenset[str]] = {}
    #: The pin files of each pin.
    origins: Mapping[Release, frozenset[str]] = {}
    #: Messages about content that does not count, such as ranges.
    notes: tuple[str, ...] = ()
    #: Messages about errors.
    problems: tuple[str, ...] = ()
    #: Extras (PEP 508) that the pin files request of pinned projects, by normalised name. Extras are normalised (PEP 685).
    extras: Mapping[str, frozenset[str]] = {}

    def holds(self, name: str, version: str) -> bool:
        """Return whether the release is pinned. name: normalised."""
        return bool(self._pinned(name).matching(version))

    def allows(self, name: str, version: str, hashes: Mapping[str, str]) -> bool | None:
        """Return whether a pin allows a file of a release; None if the hashes are of other algorithms than those of the pin."""
        return self._pinned(name).allows(version, hashes)

    def _pinned(self, name: str) -> PinnedReleases:
        return pinned_of(name, self.versions.get(name, ()), self.hashes)


def normalize_version(version: str) -> str:
    """Return the normal form of a version (PEP 440), or the text itself if it is not valid."""
    return str(pep440(version) or version)


def is_version(text: str) -> bool:
    """Return whether the text can be a version: valid by PEP 440, or one word, as in older projects."""
    return len(text) <= MAX_VERSION and text.isascii() and bool(pep440(text) or _WORD.fullmatch(text))


def union(parts: Iterable[Pins]) -> Pins:
    """Merge the pins of several files: a release is pinned if one of them pins it.

    If one file pins a release without hashes, all files of the release are allowed, whatever hashes other files have.
    """
    versions: dict[str, set[str]] = {}
    hashes: dict[Release, set[str]] = {}
    without_hashes: set[tuple[str, Version | str]] = set()
    origins: dict[Release, set[str]] = {}
    notes: dict[str, None] = {}
    problems: dict[str, None] = {}
    extras: dict[str, set[str]] = {}
    for part in parts:
        for name, found in part.versions.items():
            versions.setdefault(name, set()).update(found)
            without_hashes.update((name, release(version)) for version in found if (name, version) not in part.hashes)
        for pinned, digests in part.hashes.items():
            hashes.setdefault(pinned, set()).update(digests)
        for pinned, files in part.origins.items():
            origins.setdefault(pinned, set()).update(files)
        notes.update(dict.fromkeys(part.notes))
        problems.update(dict.fromkeys(part.problems))
        for name, requested in part.extras.items():
            extras.setdefault(name, set()).update(requested)
    return Pins({name: frozenset(found) for name, found in sorted(versions.items())},
                {pinned: frozenset(found) for pinned, found in hashes.items()
                 if (pinned[0], release(pinned[1])) not in without_hashes},
                {pinned: frozenset(found) for pinned, found in origins.items()},
                tuple(notes), tuple(problems),
                {name: frozenset(requested) for name, requested in sorted(extras.items()) if name in versions})


def redact(source: str) -> str:
    """Return a path or URL for messages and files: without credentials, printable, on one line."""
    return shown(_CREDENTIALS.sub("", source), 500)
