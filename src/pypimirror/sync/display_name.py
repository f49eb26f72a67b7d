"""Finds the display name of a project that upstream's list has under its normalised name only."""

from __future__ import annotations

import re
from typing import BinaryIO

from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import Project
from ..names import METADATA, normalize

_NAME = re.compile(rb"^Name:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
#: Spelling of normalised file names (PEP 625, PEP 491), from which no display name can be read.
_MADE = re.compile(r"[a-z0-9_]+")


def find_display_name(mirror: IRunContext, project: Project) -> str:
    """Return the display name from core metadata or a file name; an empty text if neither has it."""
    for file in reversed(project.files):
        has = file.stored is not None and file.stored.metadata
        if has and (told := _named(mirror.storage.read(f"{project.name}/{file.filename}{METADATA}"), project.name)):
            return told
    for file in reversed(project.files):
        name = parse(file.filename, project.name).project
        if name and not _MADE.fullmatch(name):
            return name
    sdist = next((f for f in reversed(project.files) if f.stored is not None and f.filename.endswith(".tar.gz")), None)
    if sdist is not None and mirror.storage.cheap_listing:
        with mirror.storage.open(f"{project.name}/{sdist.filename}") as stream:
            return _named(_metadata_of(stream, sdist.filename), project.name) or ""
    return ""


def _named(metadata: bytes | None, name: str) -> str | None:
    """Return the Name field of core metadata if it belongs to this project."""
    found = _NAME.search((metadata or b"").partition(b"\n\n")[0])
    if found is None or normalize(told := found[1].decode("ascii", "replace")) != name:
        return None
    return told


def _metadata_of(stream: BinaryIO, filename: str) -> bytes | None:
    from ..pins.sdist import read_sdist  # few projects need it

    return read_sdist(stream, filename).metadata
