"""An SQLite database file in the folder of the state."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from ..errors import ConfigurationError, StorageError
from ..storage import directories
from ..storage.regular_files import check_regular

#: Endings of the files that SQLite writes next to a database (https://www.sqlite.org/tempfiles.html).
_COMPANIONS = ("-wal", "-shm", "-journal")
_CREATED = re.compile(r"CREATE (?:TABLE|INDEX) (\w+)")


class Connection(sqlite3.Connection):
    """A connection whose errors are those of sqlite3, also if a damaged database has messages that are not UTF-8."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise sqlite3.DatabaseError("its schema is not UTF-8") from error


class SQLiteFile:
    """A database with at most one connection; subclasses have the tables."""

    def __init__(self, folder: str, filename: str):
        """folder: that of the state."""
        self.path = os.path.join(folder, filename)
        self._connection: sqlite3.Connection | None = None

    def check_files(self) -> None:
        """Raise ConfigurationError if the database, or a file that SQLite writes next to it, is a link or of another kind.

        SQLite itself would block on a FIFO, and does not name the file that it can't open.
        """
        folder = os.path.dirname(self.path)
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise ConfigurationError(f"state_path: {folder}: not a directory")
        check_regular(self.path, "state_path")
        for ending in _COMPANIONS:
            check_regular(self.path + ending, "state_path")
            if os.path.islink(self.path + ending):
                raise ConfigurationError(f"state_path: {self.path + ending}: a symbolic link; remove it")

    def connect(self) -> None:
        """Connect for writing, in WAL mode, so that each commit survives a power cut; create missing folder and file.

        Raises OSError, sqlite3.Error.
        """
        directories.make(os.path.dirname(self.path), directories.PRIVATE)
        self._connection = sqlite3.connect(self.path, isolation_level=None, factory=Connection)
        self.check_layout()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def check_layout(self) -> None:
        """Raise an error, before anything is written, if this version can't use the database's layout."""

    def check_parts(self, schema: str) -> None:
        """Raise sqlite3.DatabaseError if a table or an index is missing. schema: the statements that create them."""
        lacking = set(_CREATED.findall(schema))
        lacking.difference_update(name for name, in self._db.execute("SELECT name FROM sqlite_master"))
        if lacking:
            raise sqlite3.DatabaseError(f"missing: {', '.join(sorted(lacking))}")

    def connect_to_read(self, check_same_thread: bool = True) -> sqlite3.Connection:
        """Return a connection that only reads. Raises sqlite3.Error."""
        return sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True, isolation_level=None,
                               check_same_thread=check_same_thread, factory=Connection)

    def remove_companions(self) -> None:
        """Remove the files that SQLite wrote next to a database that is renamed or removed."""
        for ending in _COMPANIONS:
            with suppress(FileNotFoundError):
                os.unlink(self.path + ending)

    @property
    def layout(self) -> int:
        """The number of the database's layout; 0 if it is new."""
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._connection is not None

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
