"""Filters on single files, by name, kind and size: ``filename_matches``, ``filename_excludes``, ``package_types`` and
``max_file_size``.
"""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import parse
from ..model import File, Project
from ..names import SUFFIXES
from .globs import text_globs


@implementer(IFilter)
class FilenameMatches:
    """Keeps the files whose names match a pattern."""

    applies_to_pins = True
    reason = "its name matches nothing in filename_matches"

    def __init__(self, settings: ISettings):
        patterns = settings["filename_matches"] or ()
        # All files that get here are distributions.
        self.active = not {f"*{suffix}" for suffix in SUFFIXES} <= set(patterns)
        self._match = text_globs(patterns)

    def select(self, project: Project) -> tuple[File, ...]:
        match = self._match
        return tuple(file for file in project.files if match(file.filename))


@implementer(IFilter)
class FilenameExcludes:
    """Leaves out the files whose names match a pattern."""

    applies_to_pins = True
    reason = "its name matches filename_excludes"

    def __init__(self, settings: ISettings):
        patterns = settings["filename_excludes"] or ()
        self.active = bool(patterns)
        self._match = text_globs(patterns)

    def select(self, project: Project) -> tuple[File, ...]:
        match = self._match
        return tuple(file for file in project.files if not match(file.filename))


@implementer(IFilter)
class PackageTypes:
    """Keeps the files of the configured kinds."""

    applies_to_pins = True

    def __init__(self, settings: ISettings):
        self._kinds = frozenset(settings["package_types"] or ())
        self.active = bool(self._kinds)
        self.reason = f"not of the types {' '.join(sorted(self._kinds))}"

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if parse(file.filename, project.name).kind in self._kinds)


@implementer(IFilter)
class MaxFileSize:
    """Leaves out files larger than a limit. A file of unknown size stays."""

    applies_to_pins = True

    def __init__(self, settings: ISettings):
        self._limit: int = settings["max_file_size"] or 0
        self.active = self._limit > 0
        self.reason = f"larger than {self._limit} bytes"

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if file.size is None or file.size <= self._limit)
