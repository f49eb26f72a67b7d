"""Makes up for a lost state: what lies in a project's folder is looked at again, so that nothing of it is downloaded again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .interfaces import IMirror
from .model import Project
from .names import is_project
from .publish import scanned
from .state import records


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
    pages = ((writer, mirror.storage.read(f"{task.name}/{writer.page}")) for writer in mirror.writers if writer.page is not None)
    serials = [writer.serial(page) for writer, page in pages if page is not None]
    project = scanned(mirror, Project(task.name, listed=False))
    if not serials and not project.files:
        return None
    return Recovered(task.name, records.encode(project), max((s or 0 for s in serials), default=0))
