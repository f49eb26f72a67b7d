"""The database schema, and its migrations from older layouts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ..errors import ConfigurationError
from .damage import WRONG_ROW


def _first(database: sqlite3.Connection) -> None:
    """Layout 1."""
    database.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    database.execute("""CREATE TABLE projects (
        name TEXT PRIMARY KEY,
        display TEXT NOT NULL,
        list_serial TEXT,
        page_serial TEXT,
        pending INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        yanked INTEGER NOT NULL,
        error TEXT,
        since REAL
    ) WITHOUT ROWID""")
    database.execute("CREATE TABLE records (name TEXT PRIMARY KEY, record BLOB NOT NULL)")
    database.execute("CREATE INDEX unfinished ON projects (name) WHERE pending > 0")


def _second(database: sqlite3.Connection) -> None:
    """Layout 2: next change of timed filters, missing pins, excluded files; progress of verifications."""
    there = {row[1] for row in database.execute("PRAGMA table_info(projects)")}
    for column in ("due REAL", "barren INTEGER NOT NULL DEFAULT 0", "unmet TEXT", "hidden INTEGER NOT NULL DEFAULT 0"):
        if column.partition(" ")[0] not in there:
            database.execute(f"ALTER TABLE projects ADD COLUMN {column}")
    database.execute("CREATE INDEX IF NOT EXISTS timed ON projects (due) WHERE due IS NOT NULL")
    database.execute("CREATE TABLE IF NOT EXISTS checked (name TEXT PRIMARY KEY) WITHOUT ROWID")
    # The next run fills the new columns from the records; hidden files are counted with the next publishing.
    database.execute("DELETE FROM facts WHERE name = 'files_settings'")


def _third(database: sqlite3.Connection) -> None:
    """Layout 3: fragments of pages about all projects, deleted when the record changes."""
    database.execute("CREATE TABLE sections (name TEXT, page TEXT, section BLOB NOT NULL, PRIMARY KEY (name, page))")
    for event, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
        database.execute(f"CREATE TRIGGER sections_after_{event.lower()} AFTER {event} ON records "
                         f"BEGIN DELETE FROM sections WHERE name = {row}.name; END")


def _fourth(database: sqlite3.Connection) -> None:
    """Layout 4: number of files without upload time."""
    there = {row[1] for row in database.execute("PRAGMA table_info(projects)")}
    if "untimed" not in there:
        database.execute("ALTER TABLE projects ADD COLUMN untimed INTEGER NOT NULL DEFAULT 0")
    # The next run fills the new column from the records.
    database.execute("DELETE FROM facts WHERE name = 'files_settings'")


def _fifth(database: sqlite3.Connection) -> None:
    """Layout 5: the digest of the advisories that the last evaluation used."""
    there = {row[1] for row in database.execute("PRAGMA table_info(projects)")}
    if "advised" not in there:
        database.execute("ALTER TABLE projects ADD COLUMN advised TEXT NOT NULL DEFAULT ''")


def _sixth(database: sqlite3.Connection) -> None:
    """Layout 6: no run looks through all rows for the few that are damaged, that failed, or that have no file left."""
    for name, condition in (("wrong", WRONG_ROW), ("failed", FAILED), ("barren", BARREN)):
        database.execute(f"CREATE INDEX IF NOT EXISTS {name} ON projects (name) WHERE {condition}")


#: Conditions of indexes, as queries have to repeat them.
FAILED, BARREN = "error IS NOT NULL OR unmet IS NOT NULL", "barren > 0"
#: Migrations, each to the next layout; the first one creates the schema. Never change a released one.
_STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _second, _third, _fourth, _fifth, _sixth)
#: The layout of this version.
LAYOUT = len(_STEPS)


def layout_of(database: sqlite3.Connection, path: str) -> int:
    """Return the layout of a database, 0 for an empty one. Raises ConfigurationError if a newer version wrote it.

    path: of the database file, for the message.
    """
    layout = int(database.execute("PRAGMA user_version").fetchone()[0])
    if layout > LAYOUT:
        raise ConfigurationError(
            f"{path}: written by a newer version of this program (layout {layout}, this one supports {LAYOUT}); run that "
            "version, or move the file away: the next sync then rebuilds the state without downloading existing files")
    if layout < 0:
        raise sqlite3.DatabaseError(f"invalid layout {layout}")
    return layout


def migrate(database: sqlite3.Connection, path: str) -> None:
    """Migrate a database to the current layout in one transaction. Raises sqlite3.Error, ConfigurationError."""
    layout = layout_of(database, path)
    if layout == LAYOUT:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        for step in _STEPS[layout:]:
            step(database)
        if layout == 0:
            database.execute("INSERT INTO facts VALUES ('fresh', '1')")
        database.execute(f"PRAGMA user_version = {LAYOUT}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
