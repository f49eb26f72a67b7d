"""Filters on core metadata, such as licence and classifiers: ``metadata_matches`` and ``metadata_excludes``.

Core metadata belongs to a release: the metadata of one file counts for all files, so an sdist is treated like the wheel of its
release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from fnmatch import translate

from zope.interface import implementer

from ..interfaces import IMetadataFilter, ISettings
from ..metadata.filenames import parse, release
from ..model import File, Project

#: Returns the core metadata of a file, or None.
Reader = Callable[[File], "bytes | None"]

Matcher = Callable[[Mapping[str, Collection[str]]], bool]


@implementer(IMetadataFilter)
class MetadataMatches:
    """Keeps the releases whose metadata match any line. A release without metadata does not match."""

    applies_to_pins = False
    reason = "its metadata matches nothing in metadata_matches"

    def __init__(self, settings: ISettings):
        lines = settings["metadata_matches"] or ()
        self.active = bool(lines)
        self._match = compile_lines(lines)

    def select(self, project: Project, metadata: Reader | None = None) -> tuple[File, ...]:
        return tuple(file for files, values in _group_by_release(project, metadata)
                     for file in files if values is not None and self._match(values))


@implementer(IMetadataFilter)
class MetadataExcludes:
    """Leaves out the releases whose metadata match any line. A release without metadata stays."""

    applies_to_pins = False
    reason = "its metadata matches metadata_excludes"

    def __init__(self, settings: ISettings):
        lines = settings["metadata_excludes"] or ()
        self.active = bool(lines)
        self._match = compile_lines(lines)

    def select(self, project: Project, metadata: Reader | None = None) -> tuple[File, ...]:
        return tuple(file for files, values in _group_by_release(project, metadata)
                     for file in files if values is None or not self._match(values))


def compile_lines(lines: Collection[tuple[str, str]]) -> Matcher:
    """Return a function of ``fields``: whether any of the lines matches.

    lines: pairs of a field in lower case and a shell glob for one of its values as a whole, in any case.
    """
    compiled = [(field, re.compile(translate(pattern), re.IGNORECASE)) for field, pattern in lines]
    return lambda values: any(glob.match(value) for field, glob in compiled for value in values.get(field, ()))


def _group_by_release(project: Project, metadata: Reader | None) -> list[tuple[list[File], Mapping[str, list[str]] | None]]:
    """Group the files by release, each group with the fields of the first file with readable metadata."""
    groups: dict[object, list[File]] = {}
    for file in project.files:
        version = parse(file.filename, project.name).version
        # Each file without a version in its name is a separate group.
        groups.setdefault(release(version) if version else (file.filename,), []).append(file)
    return [(files, _read_fields(files, metadata)) for files in groups.values()]


def _read_fields(files: list[File], metadata: Reader | None) -> Mapping[str, list[str]] | None:
    """Return the fields of the first file with readable metadata, or None."""
    if metadata is None:
        return None
    from ..metadata.core_metadata import fields  # few mirrors filter by metadata
    from ..metadata.errors import InvalidContent

    # First the files that have core metadata by the upstream page (PEP 658).
    for file in sorted(files, key=lambda file: (not file.core_metadata, file.filename)):
        text = metadata(file)
        if text is not None:
            with suppress(InvalidContent):
                return fields(text)
    return None
