"""The database file of a state: creation, migration, damage, transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing

from ..errors import ConfigurationError, StorageError
from ..names import shown
from ..storage.ownership import check_own
from . import damage
from .local_disk import check_local
from .schema import LAYOUT, layout_of, migrate
from .sqlite_file import Connection, SQLiteFile


class DatabaseFile(SQLiteFile):
    """An SQLite database of the current layout, in the folder of the state."""

    def __init__(self, folder: str, columns: Iterable[str]):
        """columns: of the table ``projects``, as far as they are used."""
        super().__init__(folder, "state.sqlite")
        self._columns = ", ".join(columns)
        #: Descriptions of the damage repaired on opening.
        self._mended: list[str] = []

    def open(self) -> str | None:
        """Open the database; create one if it is missing or damaged.

        Returns a line about damage, or None. Raises ConfigurationError if a newer version wrote the database, if it belongs to
        another user, or if it is on a network file system.
        """
        check_local(os.path.dirname(self.path))
        check_own(self.path)
        self.check_files()
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
        self.check_files()
        if not os.path.exists(self.path):
            return False
        try:
            self._connection = self.connect_to_read()
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
        self.check_files()
        copy = sqlite3.connect(":memory:", isolation_level=None, factory=Connection)
        try:
            if os.path.exists(self.path):
                with closing(self.connect_to_read()) as original:
                    original.backup(copy)
            migrate(copy, self.path)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}") from error
        self._connection = copy

    def check_layout(self) -> None:
        layout_of(self._db, self.path)

    def _connect(self) -> None:
        try:
            self.connect()
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
        self._db.execute(f"SELECT {self._columns} FROM projects WHERE pending > 0 LIMIT 1").fetchone()
        self._db.execute("SELECT name, record FROM records LIMIT 1").fetchone()
        self._db.execute("SELECT name, value FROM facts LIMIT 1").fetchone()
        self._db.execute("SELECT name, page, section FROM sections LIMIT 1").fetchone()
        self._db.execute("SELECT name FROM checked LIMIT 1").fetchone()
        damage.check_parts(self._db)

    def damage(self) -> str | None:
        """Check the whole database; return a description of damage, or None."""
        try:
            found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            for columns in ("* FROM facts", "* FROM projects", "* FROM checked", "name FROM records",
                            "name, page FROM sections"):
                for _ in self._db.execute(f"SELECT {columns}"):  # raises for invalid UTF-8
                    pass
            if self._db.execute("SELECT 1 FROM records WHERE name NOT IN (SELECT name FROM projects)").fetchone():
                found = "rows of projects are missing"
            elif self._db.execute(f"SELECT 1 FROM projects WHERE {damage.MISNAMED}").fetchone():
                found = "wrong names of projects"
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
        self.remove_companions()
        os.replace(self.path, self.path + ".damaged")
        return f"{self.path}: damaged ({error}), kept as {self.path}.damaged; this run evaluates all projects again"

    def begin(self) -> None:
        """Begin a transaction, unless there is one."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def commit(self) -> None:
        """Commit the transaction, if there is one."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")
