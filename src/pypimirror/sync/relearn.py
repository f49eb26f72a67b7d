"""Rebuilds unreadable records and a lost state from the mirror; other projects are not affected."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

from ..events import Notice
from ..interfaces import IIndexWriter, IRunContext
from ..names import BROWSE_PAGE, HTML_PAGE, PAGES, PINS, shown
from ..state import records
from ..state.damage import is_damage
from ..state.database import BEGUN, DUE, Row, State
from ..state.meta_keys import LIST_ETAG, PIN_FILES, PIN_FORMS, PINNING, ROOT_UNSURE, ROOTS, SERIAL

if TYPE_CHECKING:
    from .recover import RecoveryResult

T = TypeVar("T")


def enduring(mirror: IRunContext, state: State, notify: Callable[[Any], None], work: Callable[[], T]) -> T:
    """Return the result of ``work``; if it meets an unreadable record, or damage to the database, rebuild it and call it again.

    A further call finds the work of the previous one, as after an interrupted run.
    """
    try:
        return _with_readable_records(mirror, state, notify, work)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        notify(Notice(state.renew(shown(str(error)))))
        return work()


def _with_readable_records(mirror: IRunContext, state: State, notify: Callable[[Any], None], work: Callable[[], T]) -> T:
    try:
        return work()
    except records.BadRecord:
        lost = unreadable(state)
        if not lost:
            raise
    for name in lost:
        notify(Notice(f"{name}: unreadable record; rebuilding it from disk"))
    relearn(mirror, state, lost)
    return work()


def unreadable(state: State) -> list[str]:
    """Return the names of the projects with unreadable records."""
    return [known.name for known in list(state.known()) if not _is_readable(state, known.name)]


def _is_readable(state: State, name: str) -> bool:
    record, row = state.record(name), state.row(name)
    if record is None:
        return row is None or not row.serial
    try:
        return records.decode(record).name == name
    except records.BadRecord:
        return False


def relearn(mirror: IRunContext, state: State, names: Collection[str] | None = None) -> None:
    """Rebuild the records of all projects in the mirror, or of these; upstream's pages are read when they are evaluated.

    Projects without files and pages in the mirror are forgotten.
    """
    from ..engine import boundary  # not loaded where nothing is lost
    from .own_pages import folders
    from .recover import RecoverTask, RecoveryResult, recover

    # Pages about all projects exist in the formats that all projects have pages of.
    pages = tuple(page for page in (*PAGES, BROWSE_PAGE) if mirror.storage.size(page) is not None)
    tasks = (RecoverTask(name, tuple(found for found in spelled if found != name), pages)
             for name, spelled in folders(mirror.storage).items() if names is None or name in names)
    state.begin()
    here, newest = set(), 0
    for item in boundary.run(mirror, recover, tasks):
        if isinstance(item, boundary.StepFailure):
            # Its folder is scanned when it is published next.
            here.add(item.project)
            state.save(Row(item.project, item.project, None, None, BEGUN, 0, 0, 0, 0, item.error, time.time()), None)
        elif isinstance(item, RecoveryResult):
            here.add(item.name)
            newest = max(newest, item.serial)
            state.save(_row(item), item.record)
    if names is None:
        _relearn_common(mirror, state, newest)
        state.recovered()
    elif gone := set(names) - here:
        for name in gone:
            state.forget(name)
        state.set_fact(LIST_ETAG, None)  # only the whole list has them now
    state.commit()


def _row(recovered: RecoveryResult) -> Row:
    """Return the row of a project in the mirror, as its pages have it; without all of them it is not published."""
    files = records.decode(recovered.record).published().files
    return Row(recovered.name, recovered.name, None, None, DUE, recovered.serial * recovered.is_complete, len(files),
               sum(file.stored.size for file in files if file.stored is not None),
               sum(file.yanked is not False for file in files))


def _relearn_common(mirror: IRunContext, state: State, newest: int) -> None:
    """Record the pages about all projects and the pin files, so that a run removes those that are no longer configured.

    The pages may be unfinished. newest: the highest serial of a project's page.
    """
    from ..pins.pin_files import is_pin_name
    from . import published_pins

    found = [(writer, mirror.storage.read(writer.root)) for writer in mirror.formats if writer.root is not None]
    pages = [(writer, page) for writer, page in found if page is not None and _is_ours(writer, page)]
    state.set_fact(ROOTS, " ".join(str(writer.root) for writer, _ in pages))
    # Serials continue from the last one, even if the clock was set back.
    serials = [writer.serial(page) or 0 for writer, page in pages]
    state.set_fact(SERIAL, str(max(int(state.fact(SERIAL) or 0), newest, *serials, 0)))
    state.set_fact(ROOT_UNSURE, "1")
    pins = [name for name in mirror.storage.listdir(PINS) if is_pin_name(name)]
    index = mirror.storage.read(f"{PINS}/{HTML_PAGE}")
    if index is not None and published_pins.is_index_page(index):
        state.set_fact(PIN_FORMS, HTML_PAGE)
        state.set_fact(PINNING, "1")
    if pins:
        state.set_fact(PIN_FILES, " ".join(pins))
        state.set_fact(PINNING, "1")


def _is_ours(writer: IIndexWriter, page: bytes) -> bool:
    """Whether this program wrote a page about all projects: it has a serial, or the program's name at its end."""
    return writer.serial(page) is not None or b"z3c.recipe.pypimirror" in page[-300:]
