"""Which file names are mirrored: ``filename_matches`` and ``filename_excludes``, in the case as written."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..model import File, Project
from ..names import SUFFIXES
from .globs import text_globs


@implementer(IFilter)
class FilenameMatches:
    """Keeps the files that a pattern means."""

    applies_to_pins = True
    reason = "its name matches nothing in filename_matches"

    def __init__(self, settings: ISettings):
        patterns = settings["filename_matches"] or ()
        # No other files than distributions get here.
        self.active = not {f"*{suffix}" for suffix in SUFFIXES} <= set(patterns)
        self._match = text_globs(patterns)

    def select(self, project: Project) -> tuple[File, ...]:
        match = self._match
        return tuple(file for file in project.files if match(file.filename))


@implementer(IFilter)
class FilenameExcludes:
    """Leaves out the files that a pattern means."""

    applies_to_pins = True
    reason = "its name matches filename_excludes"

    def __init__(self, settings: ISettings):
        patterns = settings["filename_excludes"] or ()
        self.active = bool(patterns)
        self._match = text_globs(patterns)

    def select(self, project: Project) -> tuple[File, ...]:
        match = self._match
        return tuple(file for file in project.files if not match(file.filename))
