"""Kinds of distributions: ``package_types``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import parse
from ..model import File, Project


@implementer(IFilter)
class PackageTypes:
    """Keeps the files of the kinds that are named."""

    applies_to_pins = True

    def __init__(self, settings: ISettings):
        self._kinds = frozenset(settings["package_types"] or ())
        self.active = bool(self._kinds)
        self.reason = f"not of the types {' '.join(sorted(self._kinds))}"

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if parse(file.filename, project.name).kind in self._kinds)
