"""Makes up for a lost state: what lies in a project's folder is looked at again, so that nothing of it is downloaded again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import BadPage
from .index.json import adopted
from .interfaces import IMirror
from .model import Project
from .names import is_project
from .publish import scanned
from .state import records

JSON = "application/vnd.pypi.simple.v1+json"
#: What writers of ours may have left in a project's folder.
_PAGES = ("index.html", "index.v1_json")


class RecoverTask(NamedTuple):
    """One folder of the mirror, and the folders that mean the same project under its name as registered."""

    name: str
    legacy: tuple[str, ...] = ()


class Recovered(NamedTuple):
    """A project that lies there; upstream's facts are read anew."""

    name: str
    record: bytes
    serial: int


def recover(mirror: IMirror, task: RecoverTask, emit: Callable[[Any], None]) -> Recovered | None:
    """Look at one folder; None if it is no project's."""
    if not is_project(task.name):
        return None
    paths = [f"{task.name}/{page}" for page in _PAGES] + [f"{legacy}/index.html" for legacy in task.legacy]
    pages = {path: page for path in paths if (page := mirror.storage.read(path)) is not None}
    serials = [serial for writer in mirror.writers for page in pages.values() if (serial := writer.serial(page)) is not None]
    project = scanned(mirror, _told(mirror, task.name))._replace(pages=tuple(pages))
    if not pages and not project.files:
        return None
    return Recovered(task.name, records.encode(project), max(serials, default=0))


def _told(mirror: IMirror, name: str) -> Project:
    """Give the project with the facts that our own page tells of its files, where it can be read."""
    body = mirror.storage.read(f"{name}/index.v1_json")
    if body is not None:
        # The page's links are relative, and no file is ever fetched from where they lead.
        try:
            page, _ = mirror.parsers[JSON].project(body, name, "http://mirror.invalid/")
        except BadPage:
            return Project(name, listed=False)
        marked = adopted(body)
        files = (file._replace(url="", core_metadata=False, listed=False, adopted=file.filename in marked)
                 for file in page.files)
        return Project(name, tuple(files), listed=False)
    return Project(name, listed=False)
