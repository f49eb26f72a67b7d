"""What becomes of yanked files (PEP 592): ``yanked``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..model import File, Project


@implementer(IFilter)
class Yanked:
    """Leaves out files that are yanked, whatever the reason, an empty one too."""

    applies_to_pins = False
    reason = "yanked"

    def __init__(self, settings: ISettings):
        self.active = settings["yanked"] == "hide"

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if file.yanked is False)
