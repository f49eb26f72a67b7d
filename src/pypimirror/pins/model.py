"""What a pin is: values, and which versions are the same."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from ..errors import MirrorError
from ..metadata.filenames import release
from ..names import shown
from .pinned_releases import PinnedReleases, pinned_of

#: One release: normalised name and version.
Release = tuple[str, str]

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
#: The name of a file holds no more.
_MAX_VERSION = 200
#: Versions from before PEP 440, such as ``2004d``. No operators, no wildcards, no white space.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")


class InvalidPins(MirrorError):
    """A pin file can't be understood; the message names file and line."""


class Pins(NamedTuple):
    """What one or several pin files come to, over all Python versions and platforms."""

    #: Versions by normalised name: normal forms (PEP 440), or as written where a version has none.
    versions: Mapping[str, frozenset[str]] = {}
    #: ``algorithm:hexdigest`` of the files that a pin allows; nothing for a pin without hashes.
    hashes: Mapping[Release, frozenset[str]] = {}
    #: The files that a pin stands in.
    origins: Mapping[Release, frozenset[str]] = {}
    #: Lines about what was read and does not count, such as ranges.
    notes: tuple[str, ...] = ()
    #: Lines about what went wrong.
    problems: tuple[str, ...] = ()
    #: Extras (PEP 508) that the pin files request of pinned projects, by normalised name; extras are normalised (PEP 685).
    extras: Mapping[str, frozenset[str]] = {}

    def holds(self, name: str, version: str) -> bool:
        """Whether the release is pinned. name: normalised."""
        return bool(self._pinned(name).matching(version))

    def allows(self, name: str, version: str, hashes: Mapping[str, str]) -> bool | None:
        """Whether a pin allows a file of a release; None where the hashes are of other algorithms than the pin's."""
        return self._pinned(name).allows(version, hashes)

    def _pinned(self, name: str) -> PinnedReleases:
        return pinned_of(name, self.versions.get(name, ()), self.hashes)


def normalize_version(version: str) -> str:
    """Return the normal form of a version (PEP 440), or the text itself where it has none."""
    return _normal(version) or version


def is_version(text: str) -> bool:
    """Whether the text can be one release's version: by PEP 440, or one word as older projects have it."""
    return len(text) <= _MAX_VERSION and text.isascii() and bool(_normal(text) or _WORD.fullmatch(text))


def _normal(version: str) -> str | None:
    if len(version) > _MAX_VERSION:
        return None  # Python refuses to make numbers of thousands of digits
    try:
        return str(Version(version))
    except InvalidVersion:
        return None


def union(parts: Iterable[Pins]) -> Pins:
    """Return the pins of several files together: a release is pinned if one of them pins it.

    A release that one file pins without hashes is one of which every file is wanted, whatever hashes others give.
    """
    versions: dict[str, set[str]] = {}
    hashes: dict[Release, set[str]] = {}
    free: set[tuple[str, Version | str]] = set()
    origins: dict[Release, set[str]] = {}
    notes: dict[str, None] = {}
    problems: dict[str, None] = {}
    extras: dict[str, set[str]] = {}
    for part in parts:
        for name, found in part.versions.items():
            versions.setdefault(name, set()).update(found)
            free.update((name, release(version)) for version in found if (name, version) not in part.hashes)
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
                 if (pinned[0], release(pinned[1])) not in free},
                {pinned: frozenset(found) for pinned, found in origins.items()},
                tuple(notes), tuple(problems),
                {name: frozenset(requested) for name, requested in sorted(extras.items()) if name in versions})


def redact(source: str) -> str:
    """Give a path or URL in the form for messages and files: without credentials, printable, on one line."""
    return shown(_CREDENTIALS.sub("", source), 500)
