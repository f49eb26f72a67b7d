"""The pages about all projects, written last, and only when something on them changed."""

from __future__ import annotations

from collections.abc import Iterator

from .interfaces import IMirror
from .model import Project
from .state import records
from .state.database import State

#: Name of a fact in the state: the pages written, separated by blanks.
ROOTS = "roots"


def write_roots(mirror: IMirror, state: State, serial: int, changed: bool) -> bool:
    """Write the pages about all projects and remove those that are none any more; say whether anything was done.

    serial: our own of this run. changed: whether a project's page came, changed or went; else only what is missing is written.
    """
    files = state.totals().files if any(writer.most_files is not None for writer in mirror.writers) else 0
    due = {writer.root: writer for writer in mirror.writers
           if writer.root is not None and (writer.most_files is None or files < writer.most_files)}
    stale = [path for path in (state.fact(ROOTS) or "").split() if path not in due]
    for path in stale:
        mirror.storage.remove(path)
    missing = {path: writer for path, writer in due.items() if changed or mirror.storage.size(path) is None}
    for path, writer in missing.items():
        mirror.storage.write(path, writer.projects(published(state) if writer.whole else state.entries(), serial))
    state.set_fact(ROOTS, " ".join(due))
    return bool(stale or missing)


def published(state: State) -> Iterator[Project]:
    """Yield the published projects, each with the files that its pages show, in order of names."""
    for entry in state.entries():
        record = state.record(entry.name)
        if record is not None:
            project = records.decode(record)
            yield project._replace(files=tuple(file for file in project.files if file.stored is not None and file.stored.shown))
