"""Which files are those of a pinned release: by version (PEP 440) and by the hashes that pin files give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..metadata.filenames import release

if TYPE_CHECKING:
    from packaging.version import Version

Hashes = Mapping[tuple[str, str], frozenset[str]]


class PinnedReleases:
    """The pinned releases of one project."""

    def __init__(self, versions: Iterable[str], hashes: Mapping[str, frozenset[str]]):
        """hashes: ``algorithm:hexdigest`` by version; none for a pin that any file of the release meets."""
        self._hashes = hashes
        self._versions: dict[Version | str, list[str]] = {}
        for version in versions:
            self._versions.setdefault(release(version), []).append(version)

    def matching(self, version: str | None) -> tuple[str, ...]:
        """Return the pins that a file's version meets. ``1.0`` is met by ``1.0.0`` and by ``1.0+local`` (PEP 440)."""
        if version is None or not self._versions:
            return ()
        exact = release(version)
        found = self._versions.get(exact, ())
        if not isinstance(exact, str) and exact.local is not None:
            return (*found, *self._versions.get(release(exact.public), ()))
        return tuple(found)

    def allows(self, version: str | None, hashes: Mapping[str, str]) -> bool | None:
        """Whether a pin allows a file; None where only a hash of another algorithm could tell.

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
        """Return the algorithms of the hashes that tell whether a file of a version is allowed."""
        return frozenset(digest.partition(":")[0] for pin in self.matching(version) for digest in self._hashes.get(pin, ()))


def pinned_of(name: str, versions: Iterable[str], hashes: Hashes) -> PinnedReleases:
    """Return the pinned releases of a project. hashes: of all projects, by name and version."""
    versions = tuple(versions)
    return PinnedReleases(versions, {version: hashes[name, version] for version in versions if (name, version) in hashes})
