"""Finds out under which name a project was registered, where upstream's list does not tell."""

from __future__ import annotations

import re

from ..distributions import parse
from ..interfaces import IMirror
from ..model import Project
from ..names import METADATA, normalize

_NAME = re.compile(rb"^Name:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
#: What file names make of any name (PEP 625, PEP 491); such a spelling tells nothing.
_MADE = re.compile(r"[a-z0-9_]+")


def registered(mirror: IMirror, project: Project) -> str:
    """Return the name as core metadata have it, else as a file name has it, else the normalised one."""
    for file in reversed(project.files):
        if file.stored is not None and file.stored.metadata:
            head = (mirror.storage.read(f"{project.name}/{file.filename}{METADATA}") or b"").partition(b"\n\n")[0]
            found = _NAME.search(head)
            if found is not None and normalize(name := found[1].decode("ascii", "replace")) == project.name:
                return name
    for file in reversed(project.files):
        name = parse(file.filename, project.name).project
        if name and not _MADE.fullmatch(name):
            return name
    return project.name
