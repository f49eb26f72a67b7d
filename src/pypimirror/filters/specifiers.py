"""Versions of matched projects: ``specifiers``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import parse, pep440
from ..model import File, Project

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


@implementer(IFilter)
class Specifiers:
    """Keeps the versions that any line for the project takes (PEP 440); every version of a project without a line.

    Prereleases are taken like others: leaving them out is for ``prereleases`` to do. A version that is none of PEP 440's, or
    that the file's name does not tell, is in no range.
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
        return tuple(file for file in project.files if _within(parse(file.filename, project.name).version, lines))


def _within(version: str | None, lines: list[SpecifierSet]) -> bool:
    parsed = pep440(version) if version else None
    return parsed is not None and any(line.contains(parsed, prereleases=True) for line in lines)
