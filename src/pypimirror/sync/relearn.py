"""Makes up for records that can't be read: the mirror is looked at again, and nobody else waits or goes on their account."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

from ..events import Notice
from ..interfaces import IIndexWriter, IRunContext
from ..names import PINS, shown
from ..state import records
from ..state.damage import is_damage
from ..state.database import BEGUN, DUE, Row, State
from ..state.meta_keys import LIST_ETAG, PIN_FILES, PINNING, ROOT_UNSURE, ROOTS, SERIAL

if TYPE_CHECKING:
    from .recover import RecoveryResult

T = TypeVar("T")


def enduring(mirror: IRunContext, state: State, notify: Callable[[Any], None], work: Callable[[], T]) -> T:
    """Return what ``work`` gives. Where it meets a record that can't be read, all such are made up for and it is done anew.

    What was done of it until then is found again, as after a run that was cut off.
    """
    try:
        return work()
    except (records.BadRecord, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.DatabaseError):
            if not is_damage(error):
                raise
            notify(Notice(state.renew(shown(str(error)))))
            return work()
        lost = unreadable(state)
        if not lost:
            raise
    for name in lost:
        notify(Notice(f"{name}: what was remembered of it can't be read; what lies here of it is looked at again"))
    relearn(mirror, state, lost)
    return work()


def unreadable(state: State) -> list[str]:
    """Give the names of the projects of which what is remembered can't be read."""
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
    """Remember what lies in the mirror, all of it or these projects only; upstream is asked about them when they are looked at.

    Of projects that have nothing here nothing is remembered then.
    """
    from ..engine import boundary  # not loaded where nothing is lost
    from .own_pages import folders
    from .recover import RecoverTask, RecoveryResult, recover

    tasks = (RecoverTask(name, tuple(found for found in spelled if found != name))
             for name, spelled in folders(mirror.storage).items() if names is None or name in names)
    state.begin()
    here, newest = set(), 0
    for item in boundary.run(mirror, recover, tasks):
        if isinstance(item, boundary.StepFailure):
            # Its folder is looked at when it is published next.
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
        state.set_fact(LIST_ETAG, None)  # nothing but the whole list tells of them now
    state.commit()


def _row(recovered: RecoveryResult) -> Row:
    """Return the row of a project in the mirror, as its pages have it."""
    files = records.decode(recovered.record).published().files
    return Row(recovered.name, recovered.name, None, None, DUE, recovered.serial, len(files),
               sum(file.stored.size for file in files if file.stored is not None),
               sum(file.yanked is not False for file in files))


def _relearn_common(mirror: IRunContext, state: State, newest: int) -> None:
    """Remember the pages about all projects and the pin files, so that those which are no longer wanted go.

    Whether the pages were finished by the run before is not known. newest: our newest serial of a project's page.
    """
    from ..pins.pin_files import is_pin_name

    found = [(writer, mirror.storage.read(writer.root)) for writer in mirror.formats if writer.root is not None]
    pages = [(writer, page) for writer, page in found if page is not None and _is_ours(writer, page)]
    state.set_fact(ROOTS, " ".join(str(writer.root) for writer, _ in pages))
    # Our serials go on where they were, whatever the clock says.
    serials = [writer.serial(page) or 0 for writer, page in pages]
    state.set_fact(SERIAL, str(max(int(state.fact(SERIAL) or 0), newest, *serials, 0)))
    state.set_fact(ROOT_UNSURE, "1")
    pins = [name for name in mirror.storage.listdir(PINS) if is_pin_name(name)]
    if pins:
        state.set_fact(PIN_FILES, " ".join(pins))
        state.set_fact(PINNING, "1")


def _is_ours(writer: IIndexWriter, page: bytes) -> bool:
    """Whether a page about all projects is one of ours: it has our serial, or the name of this program at its end."""
    return writer.serial(page) is not None or b"z3c.recipe.pypimirror" in page[-300:]
