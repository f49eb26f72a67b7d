"""The pages about all projects, written last, and only when something on them changed."""

from __future__ import annotations

from .interfaces import IMirror
from .state.database import State


def write_roots(mirror: IMirror, state: State, serial: int, changed: bool) -> bool:
    """Write the pages about all projects; say whether any was written.

    serial: our own of this run. changed: whether a project's page came, changed or went; else only what is missing is written.
    """
    written = False
    for writer in mirror.writers:
        if writer.root is not None and (changed or mirror.storage.size(writer.root) is None):
            mirror.storage.write(writer.root, writer.projects(state.entries(), serial))
            written = True
    return written
