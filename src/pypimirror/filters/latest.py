"""The newest releases of each project: ``latest_releases``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import parse, pep440
from ..model import File, Project

if TYPE_CHECKING:
    from packaging.version import Version

_PIECES = re.compile(r"\d+|[a-z]+")

#: What sorts releases: those of PEP 440 behind all others, as installers that still knew the others had it.
_Rank = tuple[int, "Version | tuple[tuple[int, int, str], ...]"]


@implementer(IFilter)
class LatestReleases:
    """Keeps the newest N releases and what is newer than the oldest of them.

    Prereleases, and releases of which every file is yanked, don't count: they stay if they are newer than the oldest release
    that counts. Nothing is left out of a project in which fewer than N count, nor files whose names tell no version.
    """

    applies_to_pins = False

    def __init__(self, settings: ISettings):
        self._keep: int = settings["latest_releases"]
        self.active = self._keep > 0
        self.reason = f"older than the newest {self._keep} releases"

    def select(self, project: Project) -> Iterable[File]:
        ranked = [(_rank(parse(file.filename, project.name).version), file) for file in project.files]
        counted = {rank for rank, file in ranked if rank is not None and file.yanked is False and not _prerelease(rank)}
        if len(counted) < self._keep:
            return project.files
        oldest = sorted(counted)[-self._keep]
        return tuple(file for rank, file in ranked if rank is None or rank >= oldest)


def _rank(version: str | None) -> _Rank | None:
    if not version:
        return None
    parsed = pep440(version)
    if parsed is not None:
        return 1, parsed
    pieces = _PIECES.findall(version.lower())
    return 0, tuple((1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces)


def _prerelease(rank: _Rank) -> bool:
    return rank[0] == 1 and rank[1].is_prerelease  # type: ignore[union-attr]  # 1 goes with a Version
