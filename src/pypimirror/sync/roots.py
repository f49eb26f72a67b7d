"""The pages about all projects, written last, and only when something on them changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import __version__
from ..interfaces import IIndexWriter, IMirror, IWholeIndexWriter
from ..model import Entry, Project
from ..settings.fingerprint import fingerprint
from ..state import records
from ..state.database import State
from ..state.facts import ROOT_DUE, ROOTS
from ..storage.replacing import replace

#: What pages about all projects say of one, by their paths.
Sections = tuple[tuple[str, bytes], ...]
#: Where a page says which version of ours wrote it; nothing but the end of a page does.
_VERSION = re.compile(rb"z3c\.recipe\.pypimirror [^<]*")
#: Name of a fact in the state: which version of ours made the sections that are kept, and with which settings.
_MADE_BY = "sections_made_by"
#: Sections that are made before they are kept.
_BATCH = 500


def write_roots(mirror: IMirror, state: State, serial: int, changed: bool) -> bool:
    """Write the pages about all projects and remove those that are none any more; say whether anything was done.

    serial: our own of this run. changed: whether a project's page came, changed or went; else only what is missing is written.
    """
    due = due_roots(mirror, state)
    stale = [path for path in (state.fact(ROOTS) or "").split() if path not in due]
    for path in stale:
        mirror.storage.remove(path)
    missing = {path: writer for path, writer in due.items() if changed or mirror.storage.size(path) is None}
    replace(mirror.storage, {path: writer.projects(_entries(mirror, state, path, writer), serial)
                             for path, writer in missing.items()})
    state.set_fact(ROOTS, " ".join(due))
    return bool(stale or missing)


def begin_anew(state: State) -> None:
    """Have the pages about all projects written with the end of this run, from nothing that was kept."""
    state.set_fact(ROOT_DUE, "1")
    state.sections.clear()


def due_roots(mirror: IMirror, state: State) -> dict[str, IIndexWriter]:
    """Give the writers of the pages about all projects that the mirror is to have, by path."""
    files = state.totals().files if any(writer.most_files is not None for writer in mirror.writers) else 0
    return {writer.root: writer for writer in mirror.writers
            if writer.root is not None and (writer.most_files is None or files < writer.most_files)}


def wrong_roots(mirror: IMirror, state: State, readable: bool) -> list[tuple[str, str]]:
    """Hold the pages about all projects against the state; return paths of wrong ones, and why.

    What is kept of them is taken for right: whoever finds that it is not drops it.
    readable: whether all records can be read; without them pages that tell of files can't be compared.
    """
    found = []
    for path, writer in due_roots(mirror, state).items():
        if mirror.storage.size(path) is None:
            found.append((path, "the page is missing"))
        elif (readable or not IWholeIndexWriter.providedBy(writer)) and not _is_written(mirror, state, path, writer):
            found.append((path, "the page is not what was written"))
    return found


def _is_written(mirror: IMirror, state: State, path: str, writer: IIndexWriter) -> bool:
    """Whether a page is what the writer makes of the state, whichever version of ours wrote it."""
    page = mirror.storage.read(path) or b""
    place = 0
    for block in writer.projects(_entries(mirror, state, path, writer), writer.serial(page) or 0):
        if page[place:place + len(block)] != block:
            here, due = _VERSION.sub(b"", page[place:]), _VERSION.sub(b"", block)
            return here == due
        place += len(block)
    return place == len(page)


def sections_due(mirror: IMirror, state: State) -> tuple[str, ...]:
    """Give the paths of the pages that have sections: these are best made where a project is published."""
    paths = tuple(path for path, writer in due_roots(mirror, state).items() if IWholeIndexWriter.providedBy(writer))
    if paths:
        _drop_others(mirror, state)
    return paths


def sections(mirror: IMirror, project: Project, paths: tuple[str, ...]) -> Sections:
    """Give what the pages at these paths say of a project."""
    return tuple((writer.root, writer.section(project)) for writer in mirror.writers if writer.root in paths)


def _drop_others(mirror: IMirror, state: State) -> None:
    """Keep no sections that another version of ours made, or other settings."""
    state.begin()
    made_by = f"{__version__} {fingerprint(mirror.settings, 'pages')}"
    if state.fact(_MADE_BY) != made_by:
        state.sections.clear()
        state.set_fact(_MADE_BY, made_by)


def _entries(mirror: IMirror, state: State, path: str, writer: IIndexWriter) -> Iterator[Entry]:
    """Yield the published projects, with their sections where the page has any; those that are not kept are made first."""
    if not IWholeIndexWriter.providedBy(writer):
        return state.entries()
    _drop_others(mirror, state)
    lacking = state.sections.lacking(path)
    for begin in range(0, len(lacking), _BATCH):
        some = ((name, state.record(name)) for name in lacking[begin:begin + _BATCH])
        state.sections.keep(path, [(name, writer.section(records.decode(record).published()))
                                   for name, record in some if record is not None])
    return state.sections.entries(path)
