"""What is remembered between runs, in SQLite. Only the coordinator of a run writes it.

It is a cache of what upstream said and of what lies in the mirror: without it the next run looks at everything again, and
downloads nothing that is there.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, NamedTuple
from urllib.parse import quote

from ..errors import ConfigurationError, StorageError
from ..model import Entry, KnownProject, Totals
from ..names import shown
from ..storage import directories
from ..storage.ownership import check_own
from . import damage
from .local_disk import check_local
from .page_fragments import Sections
from .schema import LAYOUT, bring_up, layout_of

#: What Totals holds.
_SUMS = "count(*), total(files), total(bytes), total(yanked), total(hidden)"

#: Bits of ``pending``: to be published; publishing has begun, so that after an interrupted run the folder must be scanned;
#: published, and the folder may still hold files that no page links to.
DONE, DUE, BEGUN, UNSWEPT = 0, 1, 2, 4
_WORK = DUE | BEGUN


class Row(NamedTuple):
    """What is remembered of one project."""

    name: str
    display: str
    list_serial: str | None
    page_serial: str | None
    pending: int
    serial: int
    files: int
    bytes: int
    yanked: int
    error: str | None = None
    since: float | None = None
    #: When the selection changes by itself, in seconds since 1970.
    due: float | None = None
    #: Whether ``filename_matches`` leaves out all it has.
    barren: bool = False
    #: What is pinned and not to be had, in words.
    unmet: str | None = None
    #: How many files are left out because they are yanked.
    hidden: int = 0
    #: How many files a filter judged without the upload time that it goes by.
    untimed: int = 0


_TEXT: tuple[tuple[type, ...], Any] = (str,), ""
_TEXT_OR_NONE: tuple[tuple[type, ...], Any] = (str, type(None)), None
_NUMBER: tuple[tuple[type, ...], Any] = (int,), 0
_TIME: tuple[tuple[type, ...], Any] = (float, int, type(None)), None
#: The types of a row's values, and what counts for one of another type.
_COLUMNS = (_TEXT, _TEXT, _TEXT_OR_NONE, _TEXT_OR_NONE, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _TEXT_OR_NONE, _TIME,
            _TIME, _NUMBER, _TEXT_OR_NONE, _NUMBER, _NUMBER)


class State:
    """The database of one mirror."""

    def __init__(self, folder: str):
        self.path = os.path.join(folder, "state.sqlite")
        self._connection: sqlite3.Connection | None = None
        #: What was wrong when it was opened and is put right, in words.
        self._mended: list[str] = []

    # --- opening

    def open(self) -> str | None:
        """Open the database, a new one where there is none or where the old one is damaged.

        Returns a line about damage, or None. Raises ConfigurationError for one that a newer version wrote, that belongs to
        another user, or that is on a network file system.
        """
        check_local(os.path.dirname(self.path))
        check_own(self.path)
        told = None
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            told = self._set_aside(error)
            self._connect()
        if self._mended:
            told = f"{self.path}: can't be read in part ({shown('; '.join(self._mended), 300)}); that part is rebuilt"
        return told

    def open_to_read(self) -> bool:
        """Open what is there for reading alone; say whether there is anything. Raises StorageError, ConfigurationError."""
        if not os.path.exists(self.path):
            return False
        try:
            self._connection = self._opened_to_read()
            if layout_of(self._db, self.path) < LAYOUT:
                self.close()
                self.open_copy()  # the next run brings the file itself up to date
            self._look_through()
        except sqlite3.Error as error:
            self.close()
            raise StorageError(f"{self.path}: can't be read ({error}); the next sync looks at everything again") from error
        return True

    def open_copy(self) -> None:
        """Work on a copy in memory of what is there, if anything; the file is left alone. Raises as ``open_to_read``."""
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            if os.path.exists(self.path):
                with closing(self._opened_to_read()) as original:
                    original.backup(copy)
            bring_up(copy, self.path)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}") from error
        self._connection = copy

    def _opened_to_read(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True, isolation_level=None)

    def _connect(self) -> None:
        try:
            directories.make(os.path.dirname(self.path), directories.PRIVATE)
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            layout_of(self._db, self.path)  # one that is not for us is left as it is
            self._db.execute("PRAGMA journal_mode = WAL")
            # On disk after each commit: what a project is about to go through is known after a power cut.
            self._db.execute("PRAGMA synchronous = FULL")
            bring_up(self._db, self.path)
            self._look_through()
            self._mended = damage.mend(self._db)
        except OSError as error:
            raise ConfigurationError(f"state_path: {self.path}: {error.strerror}") from error
        except sqlite3.OperationalError as error:
            if self._connection is not None and damage.is_damage(error):
                raise sqlite3.DatabaseError(str(error)) from error
            raise StorageError(f"{self.path}: {error}") from error

    def _look_through(self) -> None:
        """Read something of all that there should be. Raises sqlite3.Error."""
        self._db.execute(f"SELECT {', '.join(Row._fields)} FROM projects WHERE pending > 0 LIMIT 1").fetchone()
        self._db.execute("SELECT name, record FROM records LIMIT 1").fetchone()
        self._db.execute("SELECT name, value FROM facts LIMIT 1").fetchone()
        self._db.execute("SELECT name, page, section FROM sections LIMIT 1").fetchone()
        self._db.execute("SELECT name FROM checked LIMIT 1").fetchone()
        damage.check_parts(self._db)

    @property
    def fresh(self) -> bool:
        """Whether there is no memory yet of what lies in the mirror; true until that was looked at."""
        return self.fact("fresh") is not None

    def recovered(self) -> None:
        """Note that what lies in the mirror was looked at."""
        self.set_fact("fresh", None)

    def damage(self) -> str | None:
        """Look through the whole database; return what is wrong with it, or None."""
        try:
            found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            for table in ("facts", "projects", "checked"):
                for _ in self._db.execute(f"SELECT * FROM {table}"):  # texts that are none can't be read
                    pass
            if self._db.execute("SELECT 1 FROM records WHERE name NOT IN (SELECT name FROM projects)").fetchone():
                found = "rows of projects are missing"
        except sqlite3.DatabaseError as error:
            found = str(error)
        return None if found == "ok" else found

    def renew(self, why: str) -> str:
        """Keep the damaged database under another name and begin a new one; return a line about it."""
        told = self._set_aside(why)
        self._connect()
        return told

    def _set_aside(self, error: Exception | str) -> str:
        self.close()
        for ending in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self.path + ending)
        os.replace(self.path, self.path + ".damaged")
        return f"{self.path}: damaged ({error}), kept as {self.path}.damaged; everything is looked at again"

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageError(f"{self.path}: not open")
        return self._connection

    def close(self) -> None:
        """Close the database; what was not committed is forgotten."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def begin(self) -> None:
        """Begin a transaction, unless one is under way."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def commit(self) -> None:
        """Keep what was written."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    # --- facts about the mirror

    def fact(self, name: str) -> str | None:
        """Return a fact about the whole mirror, or None; one that can't be read is none."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row and damage.is_readable(name, row[0]) else None

    def set_fact(self, name: str, value: str | None) -> None:
        """Remember a fact about the whole mirror, or forget it."""
        if value is None:
            self._db.execute("DELETE FROM facts WHERE name = ?", (name,))
        else:
            # What is known already is not written again: a run in which nothing changed leaves the disk in peace.
            self._db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) "
                             "DO UPDATE SET value = excluded.value WHERE value != excluded.value", (name, value))

    # --- what a check of the whole mirror has seen already

    def checked(self) -> Iterator[str]:
        """Yield the names of the projects that were found to be right by a check that has not come to its end."""
        return (name for name, in self._db.execute("SELECT name FROM checked"))

    def mark_checked(self, name: str) -> None:
        """Note that a project was found to be right."""
        self._db.execute("REPLACE INTO checked VALUES (?)", (name,))

    def forget_checked(self) -> None:
        """Forget which were: the next check looks at everything."""
        self._db.execute("DELETE FROM checked")

    # --- projects

    def known(self) -> Iterator[KnownProject]:
        """Yield what is known of every project, in order of names."""
        rows = self._db.execute("SELECT name, list_serial, page_serial, pending, due, display FROM projects ORDER BY name")
        return (KnownProject(name, listed, page, not isinstance(pending, int) or bool(pending & _WORK), due, display)
                for name, listed, page, pending, due, display in rows)

    def restless(self, now: float) -> Iterator[KnownProject]:
        """Yield what is known of the projects that a run has to do with though upstream's list says nothing new of them."""
        columns = "SELECT name, list_serial, page_serial, pending, due, display FROM projects"
        rows = self._db.execute(f"{columns} WHERE pending > 0 AND pending & {_WORK} UNION {columns} WHERE due <= ?", (now,))
        return (KnownProject(name, listed, page, not isinstance(pending, int) or bool(pending & _WORK), due, display)
                for name, listed, page, pending, due, display in rows)

    def row(self, name: str) -> Row | None:
        """Return what is remembered of a project, or None."""
        found = self._db.execute(f"SELECT {', '.join(Row._fields)} FROM projects WHERE name = ?", (name,)).fetchone()
        return _row(found) if found else None

    def record(self, name: str) -> bytes | None:
        """Return the record of a project, or None; one without a row tells of nothing that is known."""
        found = self._db.execute("SELECT record FROM projects JOIN records USING (name) WHERE name = ?", (name,)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else b"" if found else None

    def save(self, row: Row, record: bytes | None) -> None:
        """Remember a project; with None the record stays as it is."""
        marks = ", ".join("?" * len(row))
        self._db.execute(f"REPLACE INTO projects ({', '.join(Row._fields)}) VALUES ({marks})", row)
        if record is not None:
            self._db.execute("REPLACE INTO records VALUES (?, ?)", (row.name, record))

    def forget(self, name: str) -> None:
        """Forget a project."""
        self._db.execute("DELETE FROM projects WHERE name = ?", (name,))
        self._db.execute("DELETE FROM records WHERE name = ?", (name,))

    def pending(self) -> list[tuple[str, bool]]:
        """Return the names of the projects to be published, each with whether its publishing was begun and interrupted."""
        # The first condition is that of the index.
        rows = self._db.execute(f"SELECT name, pending FROM projects WHERE pending > 0 AND pending & {_WORK} ORDER BY name")
        return [(name, bool(pending & BEGUN)) for name, pending in rows]

    def unswept(self) -> list[str]:
        """Return the names of the projects whose folders may hold files that no page links to.

        A project whose publishing is under way is not among them: nobody knows what its page shows.
        """
        rows = self._db.execute(f"SELECT name FROM projects WHERE pending > 0 AND pending & {UNSWEPT} "
                                f"AND NOT pending & {BEGUN} ORDER BY name")
        return [name for name, in rows]

    def mark(self, names: Iterable[str], bits: int) -> None:
        """Add bits to ``pending`` of projects, all of them in one transaction."""
        self.begin()
        self._db.executemany("UPDATE projects SET pending = pending | ? WHERE name = ?", ((bits, name) for name in names))

    def entries(self) -> Iterator[Entry]:
        """Yield the published projects in order of names."""
        rows = self._db.execute("SELECT name, display, serial, files FROM projects WHERE serial > 0 ORDER BY name")
        return (Entry(*row) for row in rows)

    @property
    def sections(self) -> Sections:
        """What is kept of the pages about all projects."""
        return Sections(self._db)

    def totals(self) -> Totals:
        """Return sums over all published projects."""
        row = self._db.execute(f"SELECT {_SUMS} FROM projects WHERE serial > 0")
        return _totals(row.fetchone())

    def unchecked(self) -> Totals:
        """Return sums over the published projects that a check under way has not seen yet; ``checked`` comes first."""
        row = self._db.execute(f"SELECT {_SUMS} FROM projects "
                               "WHERE serial > 0 AND name NOT IN (SELECT name FROM checked)")
        return _totals(row.fetchone())

    def barren(self) -> int:
        """Return how many projects offer only files that ``filename_matches`` leaves out."""
        found = self._db.execute("SELECT total(barren) FROM projects").fetchone()[0]
        return int(found) if math.isfinite(found) else 0

    def untimed(self) -> tuple[int, int]:
        """Return how many files a filter judged without the upload time that it goes by, and of how many projects."""
        files, projects = self._db.execute("SELECT total(untimed), count(*) FROM projects WHERE untimed > 0").fetchone()
        return int(files), int(projects)

    def errors(self) -> list[Row]:
        """Return the projects that failed when last looked at, and those of which pinned releases are not to be had."""
        columns = ", ".join(Row._fields)
        rows = self._db.execute(f"SELECT {columns} FROM projects WHERE error IS NOT NULL OR unmet IS NOT NULL ORDER BY name")
        return [_row(row) for row in rows]


def _row(values: Sequence[Any]) -> Row:
    """Return a row; where it is only read, what is of another type than it should be is as if nobody knew."""
    return Row(*(damage.plain(value, kinds, otherwise)
                 for value, (kinds, otherwise) in zip(values, _COLUMNS, strict=True)))


def _totals(values: Iterable[float]) -> Totals:
    return Totals(*(int(value) if math.isfinite(value) else 0 for value in values))
