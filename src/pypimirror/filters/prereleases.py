"""Whether prereleases are mirrored: ``prereleases``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import parse, pep440
from ..model import File, Project


@implementer(IFilter)
class Prereleases:
    """Leaves out alpha, beta, candidate and development releases (PEP 440), also where a project has no others."""

    applies_to_pins = False
    reason = "a prerelease"

    def __init__(self, settings: ISettings):
        self.active = not settings["prereleases"]

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if not _prerelease(parse(file.filename, project.name).version))


def _prerelease(version: str | None) -> bool:
    parsed = pep440(version) if version else None
    return parsed is not None and parsed.is_prerelease
