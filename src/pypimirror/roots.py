"""The pages about all projects, written last, and only when something on them changed."""

from __future__ import annotations

from collections.abc import Iterator

from .interfaces import IMirror
from .model import Project
from .state import records
from .state.database import State


def write_roots(mirror: IMirror, state: State, serial: int, changed: bool) -> bool:
    """Write the pages about all projects; say whether any was written.

    serial: our own of this run. changed: whether a project's page came, changed or went; else only what is missing is written.
    """
    written = False
    for writer in mirror.writers:
        if writer.root is not None and (changed or mirror.storage.size(writer.root) is None):
            entries = published(state) if writer.whole else state.entries()
            mirror.storage.write(writer.root, writer.projects(entries, serial))
            written = True
    return written


def published(state: State) -> Iterator[Project]:
    """Yield the published projects, each with the files that its pages show, in order of names."""
    for entry in state.entries():
        record = state.record(entry.name)
        if record is not None:
            project = records.decode(record)
            yield project._replace(files=tuple(file for file in project.files if file.stored is not None and file.stored.shown))
