"""Finds out under which name a project was registered, where upstream's list does not tell."""

from __future__ import annotations

import re
from typing import BinaryIO

from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import Project
from ..names import METADATA, normalize

_NAME = re.compile(rb"^Name:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
#: What file names make of any name (PEP 625, PEP 491); such a spelling tells nothing.
_MADE = re.compile(r"[a-z0-9_]+")


def find_display_name(mirror: IRunContext, project: Project) -> str:
    """Return the name as core metadata have it, else as a file name has it, else an empty text: files to come may tell it."""
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
    """Give the name that core metadata tell, if it is one of this project."""
    found = _NAME.search((metadata or b"").partition(b"\n\n")[0])
    if found is None or normalize(told := found[1].decode("ascii", "replace")) != name:
        return None
    return told


def _metadata_of(stream: BinaryIO, filename: str) -> bytes | None:
    from ..pins.sdist import read_sdist  # few projects need it

    return read_sdist(stream, filename).metadata
