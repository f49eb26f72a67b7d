"""Pinned releases: matches files by version (PEP 440) and by the hashes in pin files."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING

from ..metadata.filenames import release

if TYPE_CHECKING:
    from packaging.version import Version

    from ..model import RequiredReleases

Hashes = Mapping[tuple[str, str], frozenset[str]]
#: Pins by ``===``, as names and versions.
ArbitraryEquality = frozenset[tuple[str, str]]


class PinnedReleases:
    """The pinned releases of one project."""

    def __init__(self, versions: Iterable[str], hashes: Mapping[str, frozenset[str]], arbitrary: Container[str] = ()):
        """hashes: ``algorithm:hexdigest`` by version. A pin without hashes allows all files of its release.

        arbitrary: the versions that are pinned by ``===``.
        """
        self._hashes = hashes
        self._arbitrary = arbitrary
        self._versions: dict[Version | str, list[str]] = {}
        for version in versions:
            self._versions.setdefault(release(version), []).append(version)

    def matching(self, version: str | None) -> tuple[str, ...]:
        """Return the pins that match the version of a file.

        ``1.0`` matches ``1.0.0`` and ``1.0+local``; pinned by ``===`` it matches neither (PEP 440, arbitrary equality).
        """
        if version is None or not self._versions:
            return ()
        exact = release(version)
        found = self._versions.get(exact, ())
        if not isinstance(exact, str) and exact.local is not None:
            found = (*found, *self._versions.get(release(exact.public), ()))
        return tuple(pin for pin in found if pin not in self._arbitrary or pin.lower() == str(exact).lower())

    def allows(self, version: str | None, hashes: Mapping[str, str]) -> bool | None:
        """Return whether a pin allows a file; None if only a hash of another algorithm could decide.

        hashes: hex digests of the file by algorithm.
        """
        pins = self.matching(version)
        if not pins:
            return False
        given = [self._hashes[pin] for pin in pins if pin in self._hashes]
        if len(given) < len(pins):
            return True
        allowed = frozenset[str]().union(*given)
        algorithms = {digest.partition(":")[0] for digest in allowed}
        known = {f"{algorithm}:{digest.lower()}" for algorithm, digest in hashes.items() if algorithm in algorithms}
        if known & allowed:
            return True
        return False if algorithms <= {digest.partition(":")[0] for digest in known} else None

    def algorithms(self, version: str | None) -> frozenset[str]:
        """Return the algorithms of the hashes in the pins of a version."""
        return frozenset(digest.partition(":")[0] for pin in self.matching(version) for digest in self._hashes.get(pin, ()))


def pinned_by(needs: RequiredReleases, name: str) -> PinnedReleases:
    """Return the releases of a project that pins select, without those that only requirements need."""
    return pinned_of(name, needs.pinned.get(name, ()), needs.hashes, needs.arbitrary)


def pinned_of(name: str, versions: Iterable[str], hashes: Hashes,
              arbitrary: ArbitraryEquality = frozenset()) -> PinnedReleases:
    """Return the pinned releases of a project. hashes: of all projects, by name and version; arbitrary: pins by ``===``."""
    versions = tuple(versions)
    return PinnedReleases(versions, {version: hashes[name, version] for version in versions if (name, version) in hashes},
                          frozenset(version for version in versions if (name, version) in arbitrary))
