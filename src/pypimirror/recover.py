"""Makes up for a lost state: what lies in a project's folder is looked at again, so that nothing of it is downloaded again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import BadPage
from .interfaces import IMirror
from .model import Project
from .names import is_project
from .publish import scanned
from .state import records

JSON = "application/vnd.pypi.simple.v1+json"


class RecoverTask(NamedTuple):
    """One folder of the mirror."""

    name: str


class Recovered(NamedTuple):
    """A project that lies there; upstream's facts are read anew."""

    name: str
    record: bytes
    serial: int


def recover(mirror: IMirror, task: RecoverTask, emit: Callable[[Any], None]) -> Recovered | None:
    """Look at one folder; None if it is no project's."""
    if not is_project(task.name):
        return None
    writers = [writer for writer in mirror.writers if writer.page is not None]
    pages = [(writer, mirror.storage.read(f"{task.name}/{writer.page}")) for writer in writers]
    serials = [writer.serial(page) for writer, page in pages if page is not None]
    project = scanned(mirror, _told(mirror, task.name))
    if not serials and not project.files:
        return None
    return Recovered(task.name, records.encode(project), max((s or 0 for s in serials), default=0))


def _told(mirror: IMirror, name: str) -> Project:
    """Give the project with the facts that our own page tells of its files, where it can be read."""
    body = mirror.storage.read(f"{name}/index.v1_json")
    if body is not None:
        # The page's links are relative, and no file is ever fetched from where they lead.
        try:
            page, _ = mirror.parsers[JSON].project(body, name, "http://mirror.invalid/")
        except BadPage:
            return Project(name, listed=False)
        files = (file._replace(url="", core_metadata=False, listed=False) for file in page.files)
        return Project(name, tuple(files), listed=False)
    return Project(name, listed=False)
