"""Decides which versions an advisory affects (OSV schema, "Evaluation"): ranges of PEP 440 versions, and versions by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from ..advisory import Advisory, VersionRange
from ..metadata.filenames import parse, pep440
from ..model import File

if TYPE_CHECKING:
    from packaging.version import Version

#: Compiled ranges: those of the advisories of a few large projects.
_CACHED = 1 << 14
#: Comparisons of versions with ranges that find superfluous versions: a few advisories have many of both.
MOST_COMPARISONS = 1_000_000


class AdvisoryMatcher:
    """Finds the advisories for the files of one project."""

    def __init__(self, advisories: Iterable[Advisory], project: str):
        self._project = project
        #: Each advisory with the canonical texts of its versions and the limits of its ranges.
        self._compiled = [(each, frozenset(map(_canonical_text, each.versions)), tuple(map(_parse_limits, each.ranges)))
                          for each in advisories]
        self._found: dict[str | None, tuple[Advisory, ...]] = {}

    def of_file(self, file: File) -> tuple[Advisory, ...]:
        """Return the advisories that affect the release of a file."""
        return self.of_version(parse(file.filename, self._project).version)

    def of_version(self, version: str | None) -> tuple[Advisory, ...]:
        """Return the advisories that affect a version. None and versions that PEP 440 does not have are in open ranges only."""
        if version not in self._found:
            parsed = pep440(version) if version else None
            text = _canonical_text(version or "")
            self._found[version] = tuple(
                advisory for advisory, versions, ranges in self._compiled
                if text in versions or any(_is_within(parsed, *limits) for limits in ranges))
        return self._found[version]


def includes(versions: VersionRange, version: Version | None) -> bool:
    """Return whether a range includes a version. Every version, also an unknown one (None), is in a range without limits."""
    return _is_within(version, *_parse_limits(versions))


def _is_within(version: Version | None, first: Version | None, end: Version | None, is_inclusive: bool) -> bool:
    """Return whether a version is in a range; None stands for an unknown version or limit."""
    if version is None:
        return first is None and end is None
    if first is not None and version < first:
        return False
    return end is None or version < end or (is_inclusive and version == end)


def with_true_fixes(advisory: Advisory) -> Advisory:
    """Return an advisory without the fixes that it affects itself, by another range or another database."""
    if not advisory.fixed or len(advisory.fixed) * len(advisory.ranges) > MOST_COMPARISONS:
        return advisory
    matcher = AdvisoryMatcher((advisory,), "")
    return advisory._replace(fixed=tuple(each for each in advisory.fixed if not matcher.of_version(each)))


def advisory_fixed_by(version: str | None, advisories: Iterable[Advisory]) -> Advisory | None:
    """Return the first advisory that names a version as a fix, or None."""
    text = _canonical_text(version) if version else None
    return next((each for each in advisories if text is not None and text in map(_canonical_text, each.fixed)), None)


@lru_cache(_CACHED)
def _parse_limits(versions: VersionRange) -> tuple[Version | None, Version | None, bool]:
    """Return the first affected version, None for all early ones, the end, None for an open range, and if that is included."""
    return (None if versions.introduced == "0" else pep440(versions.introduced),
            pep440(versions.end) if versions.end else None, versions.inclusive)


@lru_cache(_CACHED)
def _canonical_text(version: str) -> str:
    """Return the text that is equal for all spellings of one version."""
    parsed = pep440(version)
    return version.lower() if parsed is None else _without_zeros(parsed)


def _without_zeros(version: Version) -> str:
    from packaging.utils import canonicalize_version

    return canonicalize_version(version)
