"""How large files may be: ``max_file_size``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..model import File, Project


@implementer(IFilter)
class MaxFileSize:
    """Leaves out files that upstream says are larger. One of which it tells no size stays."""

    applies_to_pins = True

    def __init__(self, settings: ISettings):
        self._limit: int = settings["max_file_size"] or 0
        self.active = self._limit > 0
        self.reason = f"larger than {self._limit} bytes"

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if file.size is None or file.size <= self._limit)
