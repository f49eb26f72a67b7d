"""The state of a mirror in SQLite, written by the coordinator of a run only.

It is a cache of upstream's answers and of the mirror's content: without it, the next run evaluates all projects again, without
downloading existing files again.
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
from ..storage.regular_files import check_regular
from . import damage
from .local_disk import check_local
from .page_fragments import Sections
from .schema import LAYOUT, layout_of, migrate

#: The columns of Totals.
_SUMS = "count(*), total(files), total(bytes), total(yanked), total(hidden)"

#: Bits of ``pending``: due for publishing; publishing has begun, so that the folder must be scanned after an interrupted run;
#: published, but the folder may contain files that no page links to.
DONE, DUE, BEGUN, UNSWEPT = 0, 1, 2, 4
_WORK = DUE | BEGUN


class Row(NamedTuple):
    """The row of one project."""

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
    #: Time of the next change of a timed filter's result, in seconds since 1970.
    due: float | None = None
    #: Whether ``filename_matches`` excludes all files.
    barren: bool = False
    #: Description of the pinned releases that are unavailable.
    unmet: str | None = None
    #: Number of files excluded because they are yanked.
    hidden: int = 0
    #: Number of files without the upload time that a filter needs.
    untimed: int = 0


_TEXT: tuple[tuple[type, ...], Any] = (str,), ""
_TEXT_OR_NONE: tuple[tuple[type, ...], Any] = (str, type(None)), None
_NUMBER: tuple[tuple[type, ...], Any] = (int,), 0
_TIME: tuple[tuple[type, ...], Any] = (float, int, type(None)), None
#: The types and defaults of a row's values.
_COLUMNS = (_TEXT, _TEXT, _TEXT_OR_NONE, _TEXT_OR_NONE, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _TEXT_OR_NONE, _TIME,
            _TIME, _NUMBER, _TEXT_OR_NONE, _NUMBER, _NUMBER)


class State:
    """The database of one mirror."""

    def __init__(self, folder: str):
        self.path = os.path.join(folder, "state.sqlite")
        self._connection: sqlite3.Connection | None = None
        #: Descriptions of the damage repaired on opening.
        self._mended: list[str] = []

    # --- opening

    def open(self) -> str | None:
        """Open the database; create one if it is missing or damaged.

        Returns a line about damage, or None. Raises ConfigurationError if a newer version wrote the database, if it belongs to
        another user, or if it is on a network file system.
        """
        check_local(os.path.dirname(self.path))
        check_own(self.path)
        self._check_kinds()
        notice = None
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            notice = self._set_aside(error)
            self._connect()
        if self._mended:
            notice = f"{self.path}: can't be read in part ({shown('; '.join(self._mended), 300)}); that part is rebuilt"
        return notice

    def open_to_read(self) -> bool:
        """Open the database read-only; return whether it exists. Raises StorageError, ConfigurationError."""
        self._check_kinds()
        if not os.path.exists(self.path):
            return False
        try:
            self._connection = self._opened_to_read()
            if layout_of(self._db, self.path) < LAYOUT:
                self.close()
                self.open_copy()  # the next run migrates the file itself
            self._look_through()
        except sqlite3.Error as error:
            self.close()
            raise StorageError(f"{self.path}: can't be read ({error}); the next sync evaluates all projects again") from error
        return True

    def open_copy(self) -> None:
        """Open a copy of the database in memory, empty if there is no file. Raises as ``open_to_read``."""
        self._check_kinds()
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            if os.path.exists(self.path):
                with closing(self._opened_to_read()) as original:
                    original.backup(copy)
            migrate(copy, self.path)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}") from error
        self._connection = copy

    def _check_kinds(self) -> None:
        """Raise ConfigurationError for a FIFO, which would block, and for other files that are no database in a directory."""
        folder = os.path.dirname(self.path)
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise ConfigurationError(f"state_path: {folder}: not a directory")
        check_regular(self.path, "state_path")

    def _opened_to_read(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True, isolation_level=None)

    def _connect(self) -> None:
        try:
            directories.make(os.path.dirname(self.path), directories.PRIVATE)
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            layout_of(self._db, self.path)  # raises before anything is written
            self._db.execute("PRAGMA journal_mode = WAL")
            # On disk after each commit: the state of each project is known after a power cut.
            self._db.execute("PRAGMA synchronous = FULL")
            migrate(self._db, self.path)
            self._look_through()
            self._mended = damage.mend(self._db)
        except OSError as error:
            raise ConfigurationError(f"state_path: {self.path}: {error.strerror}") from error
        except sqlite3.OperationalError as error:
            if self._connection is not None and damage.is_damage(error):
                raise sqlite3.DatabaseError(str(error)) from error
            raise StorageError(f"{self.path}: {error}") from error

    def _look_through(self) -> None:
        """Read from each table, to detect damage. Raises sqlite3.Error."""
        self._db.execute(f"SELECT {', '.join(Row._fields)} FROM projects WHERE pending > 0 LIMIT 1").fetchone()
        self._db.execute("SELECT name, record FROM records LIMIT 1").fetchone()
        self._db.execute("SELECT name, value FROM facts LIMIT 1").fetchone()
        self._db.execute("SELECT name, page, section FROM sections LIMIT 1").fetchone()
        self._db.execute("SELECT name FROM checked LIMIT 1").fetchone()
        damage.check_parts(self._db)

    @property
    def fresh(self) -> bool:
        """Whether the database is new, and was not rebuilt from the mirror's content yet."""
        return self.fact("fresh") is not None

    def recovered(self) -> None:
        """Mark the state as rebuilt from the mirror's content."""
        self.set_fact("fresh", None)

    def damage(self) -> str | None:
        """Check the whole database; return a description of damage, or None."""
        try:
            found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            for table in ("facts", "projects", "checked"):
                for _ in self._db.execute(f"SELECT * FROM {table}"):  # raises for invalid UTF-8
                    pass
            if self._db.execute("SELECT 1 FROM records WHERE name NOT IN (SELECT name FROM projects)").fetchone():
                found = "rows of projects are missing"
        except sqlite3.DatabaseError as error:
            found = str(error)
        return None if found == "ok" else found

    def renew(self, why: str) -> str:
        """Rename the damaged database and create a new one; return a line about it."""
        notice = self._set_aside(why)
        self._connect()
        return notice

    def _set_aside(self, error: Exception | str) -> str:
        self.close()
        for ending in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self.path + ending)
        os.replace(self.path, self.path + ".damaged")
        return f"{self.path}: damaged ({error}), kept as {self.path}.damaged; this run evaluates all projects again"

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageError(f"{self.path}: not open")
        return self._connection

    def close(self) -> None:
        """Close the database; uncommitted changes are lost."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def begin(self) -> None:
        """Begin a transaction, unless there is one."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def commit(self) -> None:
        """Commit the transaction, if there is one."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    # --- facts about the mirror

    def fact(self, name: str) -> str | None:
        """Return a fact about the mirror, or None if it is missing or unreadable."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row and damage.is_readable(name, row[0]) else None

    def set_fact(self, name: str, value: str | None) -> None:
        """Store a fact about the mirror, or delete it (None)."""
        if value is None:
            self._db.execute("DELETE FROM facts WHERE name = ?", (name,))
        else:
            # Unchanged values are not written: a run without changes writes nothing.
            self._db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) "
                             "DO UPDATE SET value = excluded.value WHERE value != excluded.value", (name, value))

    # --- progress of a verification

    def checked(self) -> Iterator[str]:
        """Yield the names of the projects that an unfinished verification found intact."""
        return (name for name, in self._db.execute("SELECT name FROM checked"))

    def mark_checked(self, name: str) -> None:
        """Mark a project as found intact."""
        self._db.execute("REPLACE INTO checked VALUES (?)", (name,))

    def forget_checked(self) -> None:
        """Delete all marks: the next verification checks everything."""
        self._db.execute("DELETE FROM checked")

    # --- projects

    def known(self) -> Iterator[KnownProject]:
        """Yield all projects in order of names."""
        rows = self._db.execute("SELECT name, list_serial, page_serial, pending, due, display FROM projects ORDER BY name")
        return (KnownProject(name, listed, page, not isinstance(pending, int) or bool(pending & _WORK), due, display)
                for name, listed, page, pending, due, display in rows)

    def due(self, now: float) -> Iterator[KnownProject]:
        """Yield the projects that a run must process whether upstream's list changed or not."""
        columns = "SELECT name, list_serial, page_serial, pending, due, display FROM projects"
        rows = self._db.execute(f"{columns} WHERE pending > 0 AND pending & {_WORK} UNION {columns} WHERE due <= ?", (now,))
        return (KnownProject(name, listed, page, not isinstance(pending, int) or bool(pending & _WORK), due, display)
                for name, listed, page, pending, due, display in rows)

    def row(self, name: str) -> Row | None:
        """Return the row of a project, or None."""
        found = self._db.execute(f"SELECT {', '.join(Row._fields)} FROM projects WHERE name = ?", (name,)).fetchone()
        return _row(found) if found else None

    def record(self, name: str) -> bytes | None:
        """Return the record of a project, or None if the project has no row."""
        found = self._db.execute("SELECT record FROM projects JOIN records USING (name) WHERE name = ?", (name,)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else b"" if found else None

    def save(self, row: Row, record: bytes | None) -> None:
        """Save a project; None keeps the record."""
        marks = ", ".join("?" * len(row))
        self._db.execute(f"REPLACE INTO projects ({', '.join(Row._fields)}) VALUES ({marks})", row)
        if record is not None:
            self._db.execute("REPLACE INTO records VALUES (?, ?)", (row.name, record))

    def forget(self, name: str) -> None:
        """Delete a project."""
        self._db.execute("DELETE FROM projects WHERE name = ?", (name,))
        self._db.execute("DELETE FROM records WHERE name = ?", (name,))

    def pending(self) -> list[tuple[str, bool]]:
        """Return the names of the projects to publish, each with whether its publishing was interrupted."""
        # The first condition is that of the index.
        rows = self._db.execute(f"SELECT name, pending FROM projects WHERE pending > 0 AND pending & {_WORK} ORDER BY name")
        return [(name, bool(pending & BEGUN)) for name, pending in rows]

    def unswept(self) -> list[str]:
        """Return the names of the projects whose folders may contain files that no page links to.

        Excludes projects whose publishing is under way, because the content of their pages is unknown.
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
        """The cached fragments of pages about all projects."""
        return Sections(self._db)

    def totals(self) -> Totals:
        """Return sums over all published projects."""
        row = self._db.execute(f"SELECT {_SUMS} FROM projects WHERE serial > 0")
        return _totals(row.fetchone())

    def unchecked(self) -> Totals:
        """Return sums over the published projects that the current verification has not checked yet."""
        row = self._db.execute(f"SELECT {_SUMS} FROM projects "
                               "WHERE serial > 0 AND name NOT IN (SELECT name FROM checked)")
        return _totals(row.fetchone())

    def barren(self) -> int:
        """Return the number of projects of which ``filename_matches`` excludes all files."""
        found = self._db.execute("SELECT total(barren) FROM projects").fetchone()[0]
        return int(found) if math.isfinite(found) else 0

    def untimed(self) -> tuple[int, int]:
        """Return the number of files without the upload time that a filter needs, and the number of their projects."""
        files, projects = self._db.execute("SELECT total(untimed), count(*) FROM projects WHERE untimed > 0").fetchone()
        return int(files) if math.isfinite(files) else 0, int(projects)

    def errors(self) -> list[Row]:
        """Return the projects whose last evaluation failed, and those with unavailable pinned releases."""
        columns = ", ".join(Row._fields)
        rows = self._db.execute(f"SELECT {columns} FROM projects WHERE error IS NOT NULL OR unmet IS NOT NULL ORDER BY name")
        return [_row(row) for row in rows]


def _row(values: Sequence[Any]) -> Row:
    """Return a row, with defaults for values of wrong types, as a read-only database may have them."""
    return Row(*(damage.plain(value, kinds, otherwise)
                 for value, (kinds, otherwise) in zip(values, _COLUMNS, strict=True)))


def _totals(values: Iterable[float]) -> Totals:
    return Totals(*(int(value) if math.isfinite(value) else 0 for value in values))
