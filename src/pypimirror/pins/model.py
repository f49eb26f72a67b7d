"""Pins as values, and the comparison of their versions."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeVar

from ..errors import MirrorError
from ..metadata.filenames import MAX_VERSION, pep440, release
from ..names import shown
from .pinned_releases import PinnedReleases, pinned_of

#: One release: normalised name and version.
Release = tuple[str, str]
_Key = TypeVar("_Key")

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
    #: The pins by ``===``, which match that text alone.
    arbitrary: frozenset[Release] = frozenset()

    def holds(self, name: str, version: str) -> bool:
        """Return whether the release is pinned. name: normalised."""
        return bool(self._pinned_releases(name).matching(version))

    def allows(self, name: str, version: str, hashes: Mapping[str, str]) -> bool | None:
        """Return whether a pin allows a file of a release; None if the hashes are of other algorithms than those of the pin."""
        return self._pinned_releases(name).allows(version, hashes)

    def _pinned_releases(self, name: str) -> PinnedReleases:
        return pinned_of(name, self.versions.get(name, ()), self.hashes, self.arbitrary)


@lru_cache(maxsize=1 << 15)
def normalize_version(version: str) -> str:
    """Return the normal form of a version (PEP 440), or the text itself if it is not valid."""
    return str(pep440(version) or version)


def is_version(text: str) -> bool:
    """Return whether the text can be a version: valid by PEP 440, or one word, as in older projects."""
    return len(text) <= MAX_VERSION and text.isascii() and bool(pep440(text) or _WORD.fullmatch(text))


def union(parts: Iterable[Pins]) -> Pins:
    """Merge the pins of several files: a release is pinned if one of them pins it.

    If one file pins a release without hashes, all files of the release are allowed, whatever hashes other files have; likewise
    with ``==`` in one file and ``===`` in another.
    """
    parts = tuple(parts)
    versions = _merged(part.versions for part in parts)
    extras = _merged(part.extras for part in parts)
    return Pins(dict(sorted(versions.items())), _required_hashes(parts), _merged(part.origins for part in parts),
                _distinct(part.notes for part in parts), _distinct(part.problems for part in parts),
                {name: requested for name, requested in sorted(extras.items()) if name in versions}, _arbitrary(parts))


def _arbitrary(parts: Collection[Pins]) -> frozenset[Release]:
    """Return the releases that no file pins in another way than by ``===``."""
    found = frozenset(pinned for part in parts for pinned in part.arbitrary)
    return found - {pinned for pinned in found for part in parts
                    if pinned[1] in part.versions.get(pinned[0], ()) and pinned not in part.arbitrary}


def _required_hashes(parts: Collection[Pins]) -> dict[Release, frozenset[str]]:
    """Return the hashes of the releases that no file pins without hashes."""
    hashes = _merged(part.hashes for part in parts)
    if not hashes:
        return hashes
    without_hashes = {(name, release(version)) for part in parts for name, found in part.versions.items()
                      for version in found if (name, version) not in part.hashes}
    return {pinned: found for pinned, found in hashes.items() if (pinned[0], release(pinned[1])) not in without_hashes}


def _merged(mappings: Iterable[Mapping[_Key, frozenset[str]]]) -> dict[_Key, frozenset[str]]:
    return merged_sets(chain.from_iterable(each.items() for each in mappings))


def _distinct(texts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(texts)))


def merged_sets(pairs: Iterable[tuple[_Key, frozenset[str]]]) -> dict[_Key, frozenset[str]]:
    """Return the union of the sets of each key. A set that no other is added to is shared, not copied."""
    found: dict[_Key, frozenset[str]] = {}
    grown: dict[_Key, set[str]] = {}
    for key, some in pairs:
        known = found.setdefault(key, some)
        if key in grown:
            grown[key].update(some)
        elif known is not some:
            grown[key] = {*known, *some}
    found.update((key, frozenset(some)) for key, some in grown.items())
    return found


@lru_cache(maxsize=1 << 15)
def single(text: str) -> frozenset[str]:
    """Return a set of one text: the same object for the same text, since pin files repeat versions and their own names."""
    return frozenset((text,))


def redact(source: str) -> str:
    """Return a path or URL for messages and files: without credentials, printable, on one line."""
    return shown(_CREDENTIALS.sub("", source), 500)
