"""What core metadata says, such as licence and classifiers: ``metadata_matches`` and ``metadata_excludes``.

Core metadata belongs to a release: what one of its files says holds for all of them, so an sdist goes the way of the wheel
beside it.
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

#: Gives the core metadata of a file, or None.
Reader = Callable[[File], "bytes | None"]

Matcher = Callable[[Mapping[str, Collection[str]]], bool]


@implementer(IMetadataFilter)
class MetadataMatches:
    """Keeps releases that any line matches. A release without metadata to be had matches none."""

    over_pins = False
    reason = "its metadata matches nothing in metadata_matches"

    def __init__(self, settings: ISettings):
        lines = settings["metadata_matches"] or ()
        self.active = bool(lines)
        self._match = matcher(lines)

    def select(self, project: Project, metadata: Reader | None = None) -> tuple[File, ...]:
        return tuple(file for files, values in _releases(project, metadata)
                     for file in files if values is not None and self._match(values))


@implementer(IMetadataFilter)
class MetadataExcludes:
    """Leaves out releases that any line matches. A release without metadata to be had stays."""

    over_pins = False
    reason = "its metadata matches metadata_excludes"

    def __init__(self, settings: ISettings):
        lines = settings["metadata_excludes"] or ()
        self.active = bool(lines)
        self._match = matcher(lines)

    def select(self, project: Project, metadata: Reader | None = None) -> tuple[File, ...]:
        return tuple(file for files, values in _releases(project, metadata)
                     for file in files if values is None or not self._match(values))


def matcher(lines: Collection[tuple[str, str]]) -> Matcher:
    """Return a function of ``fields`` that says whether any of the lines matches.

    lines: pairs of a field in lower case and a shell glob for one of its values as a whole, in any case.
    """
    compiled = [(field, re.compile(translate(pattern), re.IGNORECASE)) for field, pattern in lines]
    return lambda values: any(glob.match(value) for field, glob in compiled for value in values.get(field, ()))


def _releases(project: Project, metadata: Reader | None) -> list[tuple[list[File], Mapping[str, list[str]] | None]]:
    """Group the files by release, each group with the fields of the first file that has metadata that can be read."""
    groups: dict[object, list[File]] = {}
    for file in project.files:
        version = parse(file.filename, project.name).version
        # A file that tells no version stands for itself.
        groups.setdefault(release(version) if version else (file.filename,), []).append(file)
    return [(files, _fields(files, metadata)) for files in groups.values()]


def _fields(files: list[File], metadata: Reader | None) -> Mapping[str, list[str]] | None:
    if metadata is None:
        return None
    from ..metadata.core_metadata import fields  # few mirrors filter by metadata
    from ..metadata.errors import InvalidContent

    # Those first of which upstream says that there is some.
    for file in sorted(files, key=lambda file: (not file.core_metadata, file.filename)):
        text = metadata(file)
        if text is not None:
            with suppress(InvalidContent):
                return fields(text)
    return None
