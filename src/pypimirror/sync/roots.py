"""The pages about all projects, written last, and only when something on them changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..interfaces import IIndexWriter, IMirror
from ..model import Project
from ..state import records
from ..state.database import State
from ..storage.replacing import replace

#: Where a page says which version of ours wrote it; nothing but the end of a page does.
_VERSION = re.compile(rb"z3c\.recipe\.pypimirror [^<]*")
#: Name of a fact in the state: the pages written, separated by blanks.
ROOTS = "roots"


def write_roots(mirror: IMirror, state: State, serial: int, changed: bool) -> bool:
    """Write the pages about all projects and remove those that are none any more; say whether anything was done.

    serial: our own of this run. changed: whether a project's page came, changed or went; else only what is missing is written.
    """
    due = due_roots(mirror, state)
    stale = [path for path in (state.fact(ROOTS) or "").split() if path not in due]
    for path in stale:
        mirror.storage.remove(path)
    missing = {path: writer for path, writer in due.items() if changed or mirror.storage.size(path) is None}
    replace(mirror.storage, {path: writer.projects(published(state) if writer.whole else state.entries(), serial)
                             for path, writer in missing.items()})
    state.set_fact(ROOTS, " ".join(due))
    return bool(stale or missing)


def due_roots(mirror: IMirror, state: State) -> dict[str, IIndexWriter]:
    """Give the writers of the pages about all projects that the mirror is to have, by path."""
    files = state.totals().files if any(writer.most_files is not None for writer in mirror.writers) else 0
    return {writer.root: writer for writer in mirror.writers
            if writer.root is not None and (writer.most_files is None or files < writer.most_files)}


def wrong_roots(mirror: IMirror, state: State, readable: bool) -> list[tuple[str, str]]:
    """Hold the pages about all projects against the state; return paths of wrong ones, and why.

    readable: whether all records can be read; without them pages that tell of files can't be compared.
    """
    found = []
    for path, writer in due_roots(mirror, state).items():
        if mirror.storage.size(path) is None:
            found.append((path, "the page is missing"))
        elif (readable or not writer.whole) and not _is_written(mirror, state, path, writer):
            found.append((path, "the page is not what was written"))
    return found


def _is_written(mirror: IMirror, state: State, path: str, writer: IIndexWriter) -> bool:
    """Whether a page is what the writer makes of the state, whichever version of ours wrote it."""
    page = mirror.storage.read(path) or b""
    entries = published(state) if writer.whole else state.entries()
    place = 0
    for block in writer.projects(entries, writer.serial(page) or 0):
        if page[place:place + len(block)] != block:
            here, due = _VERSION.sub(b"", page[place:]), _VERSION.sub(b"", block)
            return here == due
        place += len(block)
    return place == len(page)


def published(state: State) -> Iterator[Project]:
    """Yield the published projects, each with the files that its pages show, in order of names."""
    for entry in state.entries():
        record = state.record(entry.name)
        if record is not None:
            project = records.decode(record)
            yield project._replace(files=tuple(file for file in project.files if file.stored is not None and file.stored.shown))
