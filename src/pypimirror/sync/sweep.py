"""The end of the work on one project: what no page names any more goes to the trash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..events import FileRemoved
from ..interfaces import IMirror
from ..state import records


class SweepTask(NamedTuple):
    """Files of one project to take away."""

    name: str
    record: bytes
    filenames: tuple[str, ...]
    #: Whether the project goes, with its pages.
    whole: bool


class Swept(NamedTuple):
    """What is left of it; no record if nothing is."""

    name: str
    record: bytes | None


def sweep(mirror: IMirror, task: SweepTask, emit: Callable[[Any], None]) -> Swept:
    """Take files away: pages first, if they go too, so that no page names a file that has gone."""
    project = records.decode(task.record)
    if task.whole:
        for path in project.pages:
            mirror.storage.remove(path)
        mirror.storage.flush()
    facts = {file.filename: file for file in project.files}
    for filename in task.filenames:
        mirror.trash.put(task.name, filename, facts.get(filename))
        emit(FileRemoved(task.name, filename))
    if task.whole:
        return Swept(task.name, None)
    gone = set(task.filenames)
    files = (file._replace(stored=None) if file.filename in gone else file for file in project.files)
    kept = tuple(file for file in files if file.listed or file.stored or file.adopted)
    return Swept(task.name, records.encode(project._replace(files=kept)))
