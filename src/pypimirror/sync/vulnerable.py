"""The vulnerable releases that the mirror offers, for reports."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ..advisories import policy
from ..advisory import Advisory
from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import File, Project
from ..pins.pinned_releases import pinned_by

#: Releases that one run names; it counts the others.
_MOST_NAMED = 20


class VulnerableRelease(NamedTuple):
    """A release that the mirror offers and that advisories name."""

    project: str
    version: str
    advisories: tuple[Advisory, ...]
    is_pinned: bool

    def __str__(self) -> str:
        return f"{self.project} {self.version}: {'pinned, and ' * self.is_pinned}vulnerable: {policy.describe(self.advisories)}"


def vulnerable_releases(mirror: IRunContext, project: Project, files: Iterable[File]) -> Iterator[VulnerableRelease]:
    """Yield the releases of these files with advisories of at least ``vulnerable_severity``, and malicious ones."""
    if not project.advisories:
        return
    matcher = policy.match_reported(mirror.settings, project)
    pinned = pinned_by(mirror.needs, project.name)
    versions = dict.fromkeys(version for file in files if (version := parse(file.filename, project.name).version))
    for version in versions:
        if found := matcher.of_version(version):
            yield VulnerableRelease(project.name, version, found, bool(pinned.matching(version)))


def newly_vulnerable(mirror: IRunContext, old: Project | None, project: Project,
                     files: Collection[File]) -> tuple[VulnerableRelease, ...]:
    """Return the vulnerable releases among the files to be offered that were not offered, or not known as such, before."""
    if not project.advisories:
        return ()
    before = set()
    if old is not None:
        before = {(each.version, each.advisories) for each in vulnerable_releases(mirror, old, old.published().files)}
    return tuple(each for each in vulnerable_releases(mirror, project, files) if (each.version, each.advisories) not in before)


def report_lines(releases: Collection[VulnerableRelease]) -> Iterator[str]:
    """Yield a line about each release, pinned ones first, up to a limit."""
    ordered = sorted(releases, key=lambda each: (not each.is_pinned, each.project))
    for each in ordered[:_MOST_NAMED]:
        yield str(each)
    if len(ordered) > _MOST_NAMED:
        yield f"and {len(ordered) - _MOST_NAMED} more vulnerable releases; audit lists them all"
