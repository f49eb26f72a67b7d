"""Detects damage to the state, so that it is rebuilt: the whole database, facts about the mirror, rows of projects."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

#: SQLite's messages about errors of the environment, which don't mean damage; others may quote any text of the database.
_ENVIRONMENT = re.compile("database( table| schema|) is locked|database or disk is full|disk I/O error|out of memory"
                          "|interrupted|attempt to write a readonly database|unable to open database|access permission denied")
#: The tables, indexes and triggers of the current schema.
_PARTS = frozenset({
    ("table", "facts"), ("table", "projects"), ("table", "records"), ("table", "checked"), ("table", "sections"),
    ("index", "unfinished"), ("index", "timed"), ("index", "wrong"), ("index", "failed"), ("index", "barren"),
    ("trigger", "sections_after_insert"), ("trigger", "sections_after_update"), ("trigger", "sections_after_delete")})
#: The last second that datetime supports (year 9999).
_LAST_SECOND = 253_402_300_799
#: Limit of serials and counts; JSON readers are precise up to it (RFC 8259, 6).
_LARGEST = (1 << 53) - 1
_COUNTS = ("pending", "serial", "files", "bytes", "yanked", "barren", "hidden", "untimed")
#: SQL condition for names that can't be those of projects. It is evaluated for each row that is written, as the next one, so it
#: has only comparisons that cost little; ``MISNAMED`` finds the others.
_WRONG_NAME = ("typeof(name) != 'text' OR length(name) NOT BETWEEN 1 AND 200 OR name NOT BETWEEN '0' AND '{' "
               "OR length(name) != length(CAST(name AS BLOB))")  # not ASCII
#: SQL condition for rows with a value of a wrong type or out of range: comparisons are several times faster than ``typeof``.
#: SQLite orders values by type: NULL, numbers, text, blobs. The index ``wrong`` has these rows: a change of the condition
#: needs a layout that creates it again.
WRONG_ROW = " OR ".join((
    "name IS NULL OR display IS NULL OR length(display) > 200", _WRONG_NAME,
    *(f"{column} < '' OR {column} >= x''" for column in ("name", "display", "list_serial", "page_serial", "error", "unmet",
                                                               "advised")),
    f"typeof({' + '.join(_COUNTS)}) != 'integer'",  # NULL, or not whole
    *(f"{column} NOT BETWEEN 0 AND {_LARGEST}" for column in _COUNTS),
    *(f"{column} NOT BETWEEN -1e15 AND {_LAST_SECOND}" for column in ("since", "due"))))

#: SQL condition for rows whose name is not one of a project (``names.is_project``), or is not that of the registered name.
MISNAMED = ("name GLOB '*[^a-z0-9-]*' OR name GLOB '-*' OR name GLOB '*-' OR display != '' AND display != name AND replace("
            "replace(replace(lower(display), '_', ''), '.', ''), '-', '') != replace(name, '-', '')")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error is about the content of the database, not about a lock, the disk or permissions."""
    return isinstance(error, sqlite3.DatabaseError) and _ENVIRONMENT.match(str(error)) is None


def check_parts(database: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if a table, an index or a trigger is missing."""
    lacking = _PARTS.difference(database.execute("SELECT type, name FROM sqlite_master"))
    if lacking:
        raise sqlite3.DatabaseError("missing: " + ", ".join(sorted(f"{kind} {name}" for kind, name in lacking)))


def mend(database: sqlite3.Connection) -> list[str]:
    """Delete unreadable facts, and reset rows with values of wrong types; return descriptions of the damage.

    The projects of such rows are marked BEGUN: the next run scans their folders and publishes them from their records.
    """
    wrong = [f"{name!r} = {value!r}"[:120] for name, value in database.execute("SELECT name, value FROM facts")
             if not (isinstance(name, str) and is_readable(name, value))]
    rows = database.execute(f"SELECT count(*) FROM projects INDEXED BY wrong WHERE {WRONG_ROW}").fetchone()[0]
    if not wrong and not rows:
        return []
    database.execute("BEGIN IMMEDIATE")
    for name, value in database.execute("SELECT name, value FROM facts").fetchall():
        if not (isinstance(name, str) and is_readable(name, value)):
            database.execute("DELETE FROM facts WHERE name = ?", (name,))
    # Evaluate all projects again; the fact that the root page is due may be among the lost ones.
    database.execute("DELETE FROM facts WHERE name IN ('files_settings', 'list_etag')")
    database.execute("REPLACE INTO facts VALUES ('root_due', '1')")
    database.execute(f"DELETE FROM projects WHERE {_WRONG_NAME}")
    database.execute("DELETE FROM records WHERE name NOT IN (SELECT name FROM projects)")
    database.execute("UPDATE projects SET display = name, list_serial = NULL, page_serial = NULL, pending = 2, serial = 0, "
                     "files = 0, bytes = 0, yanked = 0, error = NULL, since = NULL, due = NULL, barren = 0, unmet = NULL, "
                     f"hidden = 0, untimed = 0 WHERE {WRONG_ROW}")
    database.execute("COMMIT")
    return [*(f"fact {text}" for text in wrong), *([f"{rows} projects"] if rows else [])]


def is_readable(name: str, value: Any) -> bool:
    """Whether a value is valid for the fact of this name."""
    if not isinstance(value, str):
        return False
    try:
        return _READABLE.get(name, _is_any)(value)
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return False


def value_or_default(value: Any, kinds: tuple[type, ...], otherwise: Any) -> Any:
    """Return a value of a row if it has one of the types and is finite, else the default.

    otherwise: the default."""
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
    """Whether a text is JSON of releases by project, each with the day until which it was pinned."""
    import datetime

    found = json.loads(value)
    for versions in found.values():
        for day in versions.values():
            datetime.date.fromisoformat(day)
    return all(isinstance(name, str) for name in found)


def _is_needed(value: str) -> bool:
    """Whether a text is JSON of versions by project."""
    found = json.loads(value)
    return isinstance(found, dict) and all(
        isinstance(versions, list) and all(isinstance(version, str) for version in versions) for versions in found.values())


def _is_texts(value: str) -> bool:
    """Whether a text is a JSON object of texts."""
    found = json.loads(value)
    return isinstance(found, dict) and all(isinstance(text, str) for text in found.values())


def _is_names(value: str) -> bool:
    """Whether a text is a list of file names, separated by blanks."""
    return not any(len(name) > 240 or "/" in name or name in (".", "..") or not name.isprintable() for name in value.split())


#: Validators by name of a fact; other facts may be any text. All of them reject NaN.
_READABLE: Mapping[str, Callable[[str], bool]] = {
    "serial": _is_serial, "last_run": _is_time, "last_good_run": _is_time, "verifying": _is_time, "last_status": _is_status,
    "last_problems": _is_list, "list_etag": _is_texts, "last_pinned": _is_pinned, "retained": _is_pinned,
    "follow_at": _is_time, "needed": _is_needed, "pin_files": _is_names, "pin_forms": _is_names, "roots": _is_names}
