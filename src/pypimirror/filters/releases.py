"""Filters on releases: ``specifiers``, ``prereleases``, ``yanked`` and ``latest_releases``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..interfaces import IFilter, ISafetyFilter, ISettings
from ..metadata.filenames import parse, pep440
from ..model import File, Project

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

_PIECES = re.compile(r"[0-9]+|[a-z]+")

#: Sort key of a release: versions of PEP 440 sort after all others, as in installers that still accepted the others.
_Rank = tuple[int, "Version | tuple[tuple[int, int, str], ...]"]


@implementer(IFilter)
class Specifiers:
    """Keeps the versions that match any specifier line of their project (PEP 440); all versions of a project without a line.

    Prereleases match like other versions: ``prereleases`` leaves them out. A version that is not valid by PEP 440, or not in
    the file's name, matches nothing.
    """

    applies_to_pins = False
    reason = "its version is not among specifiers"

    def __init__(self, settings: ISettings):
        self._lines: dict[str, list[SpecifierSet]] = {}
        for name, text in settings["specifiers"] or ():
            from packaging.specifiers import SpecifierSet

            self._lines.setdefault(name, []).append(SpecifierSet(text))
        self.active = bool(self._lines)

    def select(self, project: Project) -> Iterable[File]:
        lines = self._lines.get(project.name)
        if lines is None or not all(map(len, lines)):
            return project.files
        return tuple(file for file in project.files if _is_in_any(parse(file.filename, project.name).version, lines))


@implementer(IFilter)
class Prereleases:
    """Leaves out alpha, beta, candidate and development releases (PEP 440), also where a project has no others."""

    applies_to_pins = False
    reason = "a prerelease"

    def __init__(self, settings: ISettings):
        self.active = not settings["prereleases"]

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if not _is_prerelease(parse(file.filename, project.name).version))


@implementer(ISafetyFilter)
class Yanked:
    """Leaves out yanked files (PEP 592), with or without a reason."""

    applies_to_pins = False
    reason = "yanked"

    def __init__(self, settings: ISettings):
        self.active = settings["yanked"] == "hide"

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if file.yanked is False)


@implementer(IFilter)
class LatestReleases:
    """Keeps the newest N releases and what is newer than the oldest of them.

    Prereleases, and releases with nothing but yanked files, do not count: they stay if they are newer than the oldest release
    that counts. All files of a project with fewer than N counted releases stay, and files without a version in their names.
    """

    applies_to_pins = False

    def __init__(self, settings: ISettings):
        self._keep: int = settings["latest_releases"]
        self.active = self._keep > 0
        self.reason = f"older than the newest {self._keep} releases"

    def select(self, project: Project) -> Iterable[File]:
        versions = [parse(file.filename, project.name).version for file in project.files]
        ranks = [_sort_key(version) for version in versions]
        counted = {rank for rank, version, file in zip(ranks, versions, project.files, strict=True)
                   if rank is not None and file.yanked is False and not _is_prerelease(version)}
        if len(counted) < self._keep:
            return project.files
        oldest = sorted(counted)[-self._keep]
        return tuple(file for rank, file in zip(ranks, project.files, strict=True) if rank is None or rank >= oldest)


def _is_in_any(version: str | None, lines: list[SpecifierSet]) -> bool:
    """Return whether one of the lines includes a version."""
    parsed = pep440(version) if version else None
    return parsed is not None and any(line.contains(parsed, prereleases=True) for line in lines)


def _is_prerelease(version: str | None) -> bool:
    parsed = pep440(version) if version else None
    return parsed is not None and parsed.is_prerelease


def _sort_key(version: str | None) -> _Rank | None:
    """Return the sort key of a version, of words and numbers if PEP 440 does not have it; None without a version."""
    if not version:
        return None
    parsed = pep440(version)
    if parsed is not None:
        return 1, parsed
    return 0, tuple(_piece_sort_key(text) for text in _PIECES.findall(version.lower()))


def _piece_sort_key(text: str) -> tuple[int, int, str]:
    """Return the sort key of a number or word. Numbers are not converted: Python refuses those of some thousand digits."""
    digits = text.lstrip("0")
    return (1, len(digits), digits) if text.isdecimal() else (0, 0, text)
