"""Finds what can't be read in a state, so that it is rebuilt: the whole database, facts about the mirror, rows of projects."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

#: What the environment of a database makes SQLite say; nothing is wrong with the database itself then.
_ENVIRONMENT = ("locked", "full", "disk I/O", "readonly", "unable to open", "interrupted", "out of memory", "permission denied")
#: What a database of this layout consists of.
_PARTS = frozenset({
    ("table", "facts"), ("table", "projects"), ("table", "records"), ("table", "checked"), ("table", "sections"),
    ("index", "unfinished"), ("index", "timed"),
    ("trigger", "sections_after_insert"), ("trigger", "sections_after_update"), ("trigger", "sections_after_delete")})
#: The last second that a date can tell (year 9999).
_LAST_SECOND = 253_402_300_799
#: Our own serials and all counts stay below this, also in JSON.
_LARGEST = (1 << 53) - 1
#: What each column of a row is by itself, as SQL, where it is not what was written; ``1e15`` is not reached by any time.
_WRONG_ROW = " OR ".join((
    *(f"typeof({column}) != 'text'" for column in ("name", "display")),
    *(f"typeof({column}) NOT IN ('text', 'null')" for column in ("list_serial", "page_serial", "error", "unmet")),
    *(f"typeof({column}) != 'integer' OR {column} NOT BETWEEN 0 AND {_LARGEST}"
      for column in ("pending", "serial", "files", "bytes", "yanked", "barren", "hidden")),
    *(f"typeof({column}) NOT IN ('real', 'integer', 'null') OR {column} NOT BETWEEN -1e15 AND {_LAST_SECOND}"
      for column in ("since", "due"))))


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error is about what the database holds, not about a lock, the disk or permissions."""
    return isinstance(error, sqlite3.DatabaseError) and not any(word in str(error) for word in _ENVIRONMENT)


def check_parts(database: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if a table, an index or a trigger is missing."""
    lacking = _PARTS.difference(database.execute("SELECT type, name FROM sqlite_master"))
    if lacking:
        raise sqlite3.DatabaseError("missing: " + ", ".join(sorted(f"{kind} {name}" for kind, name in lacking)))


def mend(database: sqlite3.Connection) -> list[str]:
    """Take out facts that can't be read, and reset rows of projects that hold other types; return what was wrong, in words.

    The projects of such rows count as begun: the next run looks into their folders and publishes them from their records.
    """
    wrong = [f"{name!r} = {value!r}"[:120] for name, value in database.execute("SELECT name, value FROM facts")
             if not (isinstance(name, str) and is_readable(name, value))]
    rows = database.execute(f"SELECT count(*) FROM projects WHERE {_WRONG_ROW}").fetchone()[0]
    if not wrong and not rows:
        return []
    database.execute("BEGIN IMMEDIATE")
    for name, value in database.execute("SELECT name, value FROM facts").fetchall():
        if not (isinstance(name, str) and is_readable(name, value)):
            database.execute("DELETE FROM facts WHERE name = ?", (name,))
    # So that all that follows from them is decided anew; the page of all projects may have been what was lost.
    database.execute("DELETE FROM facts WHERE name IN ('files_settings', 'list_etag')")
    database.execute("REPLACE INTO facts VALUES ('root_due', '1')")
    database.execute("DELETE FROM projects WHERE typeof(name) != 'text'")
    database.execute("DELETE FROM records WHERE name NOT IN (SELECT name FROM projects)")
    database.execute("UPDATE projects SET display = name, list_serial = NULL, page_serial = NULL, pending = 2, serial = 0, "
                     "files = 0, bytes = 0, yanked = 0, error = NULL, since = NULL, due = NULL, barren = 0, unmet = NULL, "
                     f"hidden = 0 WHERE {_WRONG_ROW}")
    database.execute("COMMIT")
    return [*(f"fact {text}" for text in wrong), *([f"{rows} projects"] if rows else [])]


def is_readable(name: str, value: Any) -> bool:
    """Whether the value of a fact is what was written under this name."""
    if not isinstance(value, str):
        return False
    try:
        return _READABLE.get(name, _is_any)(value)
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return False


def plain(value: Any, kinds: tuple[type, ...], otherwise: Any) -> Any:
    """Return a value of a row if it is of these types and finite, and what else counts if not."""
    good = isinstance(value, kinds) and not (isinstance(value, float) and not math.isfinite(value))
    return value if good else otherwise


def _is_any(value: str) -> bool:
    return True


def _is_serial(value: str) -> bool:
    return 0 <= int(value) <= _LARGEST


def _is_time(value: str) -> bool:
    return 0 <= float(value) <= _LAST_SECOND


def _is_status(value: str) -> bool:
    return 0 <= int(value) <= 255


def _is_list(value: str) -> bool:
    found = json.loads(value)
    return isinstance(found, list) and all(isinstance(item, str) for item in found)


def _is_pinned(value: str) -> bool:
    """Releases by project, each with the day until which it was pinned."""
    import datetime

    found = json.loads(value)
    for versions in found.values():
        for day in versions.values():
            datetime.date.fromisoformat(day)
    return all(isinstance(name, str) for name in found)


def _is_needed(value: str) -> bool:
    """Versions by project."""
    found = json.loads(value)
    return isinstance(found, dict) and all(
        isinstance(versions, list) and all(isinstance(version, str) for version in versions) for versions in found.values())


def _is_texts(value: str) -> bool:
    """Texts by text."""
    found = json.loads(value)
    return isinstance(found, dict) and all(isinstance(text, str) for text in found.values())


def _is_names(value: str) -> bool:
    """Paths in one folder, separated by blanks."""
    return not any(len(name) > 240 or "/" in name or name in (".", "..") or not name.isprintable() for name in value.split())


#: By name of a fact; what is not named may be any text. NaN is no number that any of them takes.
_READABLE: Mapping[str, Callable[[str], bool]] = {
    "serial": _is_serial, "last_run": _is_time, "last_good_run": _is_time, "verifying": _is_time, "last_status": _is_status,
    "last_problems": _is_list, "list_etag": _is_texts, "last_pinned": _is_pinned,
    "needed": _is_needed, "pin_files": _is_names, "roots": _is_names}
