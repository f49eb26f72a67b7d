"""The pages about all projects, written last, and only when something on them changed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .. import __version__
from ..errors import InsufficientSpace, MirrorError
from ..interfaces import IClient, IIndexWriter, IRunContext, IStartPageWriter, IWholeIndexWriter
from ..model import Entry, Project
from ..settings.values import fingerprint
from ..state import records
from ..state.database import State
from ..state.meta_keys import ROOT_DUE, ROOTS
from ..tracebacks import log_error
from ..zcml.builtin import is_own
from ..zcml.error_context import describe
from ..zcml.registry import create_all

#: The sections about one project on the pages about all projects, with the paths of the pages.
Sections = tuple[tuple[str, bytes], ...]
#: The version that wrote a page, at its end.
_VERSION = re.compile(rb"z3c\.recipe\.pypimirror [^<]*")
#: Name of a fact in the state: the version and the settings that the stored sections were made with.
_MADE_BY = "sections_made_by"
#: Sections that are made before they are kept.
_BATCH = 500


class Asset:
    """A file in the root that all pages of a writer use: a root page that never changes."""

    most_files = None

    def __init__(self, root: str, content: bytes):
        self.root = root
        self._content = content

    def serial(self, page: bytes) -> int | None:
        return None

    def projects(self, entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        yield self._content

    def is_written(self, mirror: IRunContext) -> bool:
        """Return whether the file in the mirror is this one."""
        return mirror.storage.read(self.root) == self._content


class RootsResult(NamedTuple):
    """Result of ``write_roots``."""

    #: Whether anything was done.
    written: bool
    #: Whether pages have the run's serial.
    has_serial: bool
    #: Pages that could not be written and why, a line each.
    failures: tuple[str, ...] = ()


def write_roots(mirror: IRunContext, state: State, serial: int, changed: bool, unsure: bool, is_whole: bool) -> RootsResult:
    """Write the pages about all projects and remove those of formats no longer written; a failure affects one page only.

    serial: this run's serial, which all pages get if one of them is written. changed: whether a project's page was added,
    changed or removed; else only missing pages make a write necessary. unsure: whether pages are compared with the state first.
    is_whole: whether the run was about all projects: only then all of them have pages of a new format.
    """
    known = (state.fact(ROOTS) or "").split()
    due = {path: writer for path, writer in due_roots(mirror, state).items()
           if is_whole or not known or path in known or isinstance(writer, Asset) or IWholeIndexWriter.providedBy(writer)}
    stale = [path for path in known if path not in due]
    for path in stale:
        mirror.storage.remove(path)
    missing = {path: writer for path, writer in due.items() if _has_to_be_written(mirror, state, path, writer, changed, unsure)}
    has_serial = _have_serial(missing)
    if has_serial:
        missing |= {path: writer for path, writer in due.items() if not isinstance(writer, Asset)}
    failures = _write_or_name_failures(mirror, state, missing, serial)
    state.set_fact(ROOTS, " ".join(due))
    return RootsResult(bool(stale or missing), has_serial, failures)


def _have_serial(pages: Mapping[str, IIndexWriter | Asset]) -> bool:
    """Whether any of these pages has the mirror's serial, which is the same on all that have it."""
    return any(not isinstance(writer, Asset) for writer in pages.values())


def _has_to_be_written(mirror: IRunContext, state: State, path: str, writer: IIndexWriter | Asset, changed: bool,
                       unsure: bool) -> bool:
    """Whether a page is missing or, see ``write_roots``, may be out of date."""
    if mirror.storage.size(path) is None:
        return True
    if changed and not (isinstance(writer, Asset) and writer.is_written(mirror)):
        return True
    return unsure and not _is_written(mirror, state, path, writer)


def _write_or_name_failures(mirror: IRunContext, state: State, writers: Mapping[str, IIndexWriter | Asset],
                            serial: int) -> tuple[str, ...]:
    """Write pages; return a line about each one that could not be written."""
    try:
        _write(mirror, state, writers, serial)
    except (InsufficientSpace, records.BadRecord, KeyboardInterrupt):
        raise
    except BaseException:  # one page failed: write each one separately to find out which
        return tuple(failure for path, writer in writers.items()
                     if (failure := _failure(mirror, state, path, writer, serial)) is not None)
    return ()


def _write(mirror: IRunContext, state: State, writers: Mapping[str, IIndexWriter | Asset], serial: int) -> None:
    if not writers:
        return
    from ..storage.atomic import replace  # not loaded where nothing changed

    replace(mirror.storage, {path: _blocks(mirror, state, path, writer, serial) for path, writer in writers.items()})


def _blocks(mirror: IRunContext, state: State, path: str, writer: IIndexWriter | Asset, serial: int) -> Iterator[bytes]:
    """Return the blocks of a page about all projects."""
    about: dict[str, Any] = {}
    if IStartPageWriter.providedBy(writer):
        about = {"totals": state.totals(), "clients": create_all(mirror.registry, (mirror.settings,), IClient)}
    blocks = writer.projects(_entries(mirror, state, path, writer), serial, **about)
    if isinstance(writer, Asset) or is_own(writer):
        return blocks
    from ..index.page_paths import checked_blocks  # not loaded without plugins

    return checked_blocks(writer, blocks)


def _failure(mirror: IRunContext, state: State, path: str, writer: IIndexWriter | Asset, serial: int) -> str | None:
    """Write one page; return why it could not be written, or None."""
    try:
        _write(mirror, state, {path: writer}, serial)
    except (InsufficientSpace, sqlite3.DatabaseError, KeyboardInterrupt):
        raise
    except BaseException as error:
        from .relearn import unreadable  # not loaded where all is well

        if unreadable(state):
            raise records.BadRecord(f"{path}: can't be written from records that can't be read") from error
        if not isinstance(error, MirrorError):
            log_error(f"{path} could not be written", error)
        return f"{path}: {describe(error, mirror.registry)}"
    return None


def begin_anew(state: State) -> None:
    """Mark the pages about all projects to be written by this run, and drop the stored sections."""
    state.set_fact(ROOT_DUE, "1")
    state.sections.clear()


def due_roots(mirror: IRunContext, state: State) -> dict[str, IIndexWriter | Asset]:
    """Return the writers of the pages about all projects, and the files that these use, by path."""
    files = state.totals().files if any(writer.most_files is not None for writer in mirror.writers) else 0
    assets = {path: Asset(path, content) for writer in mirror.writers if IStartPageWriter.providedBy(writer)
              for path, content in writer.assets.items()}
    return assets | {writer.root: writer for writer in mirror.writers
                     if writer.root is not None and (writer.most_files is None or files < writer.most_files)}


def wrong_roots(mirror: IRunContext, state: State, readable: bool) -> list[tuple[str, str]]:
    """Compare the pages about all projects with the state; return the paths of wrong ones, with reasons.

    Stored sections are assumed to be correct; callers drop wrong ones first.
    readable: whether all records can be read; otherwise pages with files can't be compared.
    """
    found = []
    for path, writer in due_roots(mirror, state).items():
        if mirror.storage.size(path) is None:
            found.append((path, "the page is missing"))
        elif (readable or not IWholeIndexWriter.providedBy(writer)) and not _is_written(mirror, state, path, writer):
            found.append((path, "the page is not what was written"))
    return found


def _is_written(mirror: IRunContext, state: State, path: str, writer: IIndexWriter | Asset) -> bool:
    """Whether a page equals the one that the writer renders from the state, apart from the version that wrote it."""
    page = mirror.storage.read(path) or b""
    place = 0
    for block in _blocks(mirror, state, path, writer, writer.serial(page) or 0):
        if page[place:place + len(block)] != block:
            here, due = _VERSION.sub(b"", page[place:]), _VERSION.sub(b"", block)
            return here == due
        place += len(block)
    return place == len(page)


def sections_due(mirror: IRunContext, state: State) -> tuple[str, ...]:
    """Return the paths of the pages with sections, which are rendered when a project is published."""
    paths = tuple(path for path, writer in due_roots(mirror, state).items() if IWholeIndexWriter.providedBy(writer))
    if paths:
        _drop_others(mirror, state)
    return paths


def sections(mirror: IRunContext, project: Project, paths: tuple[str, ...]) -> Sections:
    """Return the sections about a project on the pages at these paths."""
    if not paths:
        return ()
    from ..advisories.policy import mark_vulnerable  # not loaded where nothing changed

    project = mark_vulnerable(mirror.settings, project)
    return tuple((writer.root, writer.section(project)) for writer in mirror.writers
                 if IWholeIndexWriter.providedBy(writer) and writer.root in paths)


def _drop_others(mirror: IRunContext, state: State) -> None:
    """Drop stored sections that another version, or other settings, made."""
    state.begin()
    made_by = f"{__version__} {fingerprint(mirror.settings, 'pages')}"
    if state.fact(_MADE_BY) != made_by:
        state.sections.clear()
        state.set_fact(_MADE_BY, made_by)


def _entries(mirror: IRunContext, state: State, path: str, writer: IIndexWriter | Asset) -> Iterator[Entry]:
    """Yield the published projects, with their sections where the page has any; those that are not kept are made first."""
    if not IWholeIndexWriter.providedBy(writer):
        return state.entries()
    _drop_others(mirror, state)
    lacking = state.sections.lacking(path)
    for begin in range(0, len(lacking), _BATCH):
        some = ((name, state.record(name)) for name in lacking[begin:begin + _BATCH])
        state.sections.keep(path, [(name, section) for name, record in some if record is not None
                                   for _, section in sections(mirror, records.decode(record).published(), (path,))])
    return state.sections.entries(path)
