"""A filter that requires provenance: ``provenance_required``."""

from zope.interface import implementer

from pypimirror.filters.globs import name_globs
from pypimirror.interfaces import IFilter, ISettings
from pypimirror.model import File, Project


@implementer(IFilter)
class Provenance:
    """Leaves out files for which upstream has no provenance (PEP 740), in the projects that the settings name."""

    applies_to_pins = True
    reason = "it has no provenance"

    def __init__(self, settings: ISettings):
        self._concerns = name_globs(settings, "provenance_required").match
        self.active = bool(settings["provenance_required"])

    def select(self, project: Project) -> tuple[File, ...]:
        if not self._concerns(project.name):
            return project.files
        return tuple(file for file in project.files if file.provenance)


@implementer(IFilter)
class ProvenanceOfAll(Provenance):
    """The same for every project."""

    def __init__(self, settings: ISettings):
        self.active = True

    def _concerns(self, name: str) -> bool:
        return True
