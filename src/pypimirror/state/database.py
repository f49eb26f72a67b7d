"""The state of a mirror in SQLite, written by the coordinator of a run only.

It is a cache of upstream's answers and of the mirror's content: without it, the next run evaluates all projects again, without
downloading existing files again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..model import Entry, KnownProject, Totals
from ..names import is_project, project_name
from . import damage
from .database_file import DatabaseFile
from .page_fragments import Sections
from .records import BadRecord, decode
from .schema import BARREN, FAILED

#: The columns of Totals.
_SUMS = "count(*), total(files), total(bytes), total(yanked), total(hidden)"

#: Selects the values of KnownProject.
_KNOWN = "SELECT name, list_serial, page_serial, pending, due, display FROM projects"

#: Bits of ``pending``: due for publishing; publishing has begun, so that the folder must be scanned after an interrupted run;
#: published, but the folder may contain files that no page links to.
DONE, DUE, BEGUN, UNSWEPT = 0, 1, 2, 4
#: The serial of a project that is listed without a page: each run requests the page, since upstream's list need not change when
#: the page is there again.
LISTED = ""
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
    #: Digest of the advisories that the last evaluation used; empty if there were none.
    advised: str = ""


_TEXT: tuple[tuple[type, ...], Any] = (str,), ""
_TEXT_OR_NONE: tuple[tuple[type, ...], Any] = (str, type(None)), None
_NUMBER: tuple[tuple[type, ...], Any] = (int,), 0
_TIME: tuple[tuple[type, ...], Any] = (float, int, type(None)), None
_SINCE, _DUE = Row._fields.index("since"), Row._fields.index("due")
#: The types and defaults of a row's values.
_COLUMNS = (_TEXT, _TEXT, _TEXT_OR_NONE, _TEXT_OR_NONE, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _TEXT_OR_NONE, _TIME,
            _TIME, _NUMBER, _TEXT_OR_NONE, _NUMBER, _NUMBER, _TEXT)


_UNKNOWN: Any = object()
#: Types of the values of rows that need no check.
_good: set[tuple[type, ...]] = set()


class State(DatabaseFile):
    """The database of one mirror."""

    def __init__(self, folder: str):
        super().__init__(folder, Row._fields)
        #: Facts as this object has written them last: most are written for each project.
        self._written: dict[str, str | None] = {}
        #: The sums over all published projects until one of them changes: reading all rows takes long in a large mirror.
        self._totals: Totals | None = None

    def close(self) -> None:
        super().close()
        self._written.clear()
        self._totals = None

    # --- facts about the mirror

    @property
    def fresh(self) -> bool:
        """Whether the database is new, and was not rebuilt from the mirror's content yet."""
        return self.fact("fresh") is not None

    def recovered(self) -> None:
        """Mark the state as rebuilt from the mirror's content."""
        self.set_fact("fresh", None)

    def fact(self, name: str) -> str | None:
        """Return a fact about the mirror, or None if it is missing or unreadable."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row and damage.is_readable(name, row[0]) else None

    def set_fact(self, name: str, value: str | None) -> None:
        """Store a fact about the mirror, or delete it (None)."""
        if self._written.get(name, _UNKNOWN) == value:
            return
        self._written.pop(name, None)
        if value is None:
            self._db.execute("DELETE FROM facts WHERE name = ?", (name,))
        else:
            # Unchanged values are not written: a run without changes writes nothing.
            self._db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) "
                             "DO UPDATE SET value = excluded.value WHERE value != excluded.value", (name, value))
        self._written[name] = value

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
        return _known(self._db.execute(f"{_KNOWN} ORDER BY name"))

    def due(self, now: float) -> Iterator[KnownProject]:
        """Yield the projects that a run must process whether upstream's list changed or not."""
        return _known(self._db.execute(
            f"{_KNOWN} WHERE pending > 0 AND pending & {_WORK} UNION {_KNOWN} WHERE due <= ?", (now,)))

    def row(self, name: str) -> Row | None:
        """Return the row of a project, or None."""
        found = self._db.execute(f"SELECT {self._columns} FROM projects WHERE name = ?", (name,)).fetchone()
        return _row(found) if found else None

    def advised(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each project with the digest of the advisories that its last evaluation used."""
        return self._db.execute("SELECT name, advised FROM projects")

    def record(self, name: str) -> bytes | None:
        """Return the record of a project, or None if the project has no row."""
        found = self._db.execute("SELECT record FROM projects JOIN records USING (name) WHERE name = ?", (name,)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else b"" if found else None

    def save(self, row: Row, record: bytes | None) -> None:
        """Save a project; None keeps the record."""
        self._totals = None
        marks = ", ".join("?" * len(row))
        self._db.execute(f"REPLACE INTO projects ({self._columns}) VALUES ({marks})", row)
        if record is not None:
            self._db.execute("REPLACE INTO records VALUES (?, ?)", (row.name, record))

    def add(self, name: str) -> bool:
        """Save a new project, whose publishing is about to begin, without a record; return False if it exists.

        If the run is interrupted, the next one evaluates it, and scans its folder.
        """
        row = Row(name, name, None, None, DUE | BEGUN, 0, 0, 0, 0)
        marks = ", ".join("?" * len(row))
        return self._db.execute(f"INSERT OR IGNORE INTO projects ({self._columns}) VALUES ({marks})", row).rowcount > 0

    def forget(self, name: str) -> None:
        """Delete a project."""
        self._totals = None
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
        """Yield the published projects in order of names; those with a name that is damaged are left out."""
        rows = self._db.execute("SELECT name, display, serial, files FROM projects WHERE serial > 0 ORDER BY name")
        return (Entry(name, display if display == name or project_name(display) == name else name, serial, files)
                for name, display, serial, files in rows if is_project(name))

    def versions(self) -> Iterator[tuple[str, int, int]]:
        """Yield the published projects in order of names, with the mirror's serial and the length of the record."""
        rows = self._db.execute("SELECT name, serial, length(record) FROM projects JOIN records USING (name) "
                                "WHERE serial > 0 ORDER BY name")
        return ((name, serial, length) for name, serial, length in rows if is_project(name))

    @property
    def sections(self) -> Sections:
        """The cached fragments of pages about all projects."""
        return Sections(self._db)

    def totals(self) -> Totals:
        """Return sums over all published projects."""
        if self._totals is None:
            row = self._db.execute(f"SELECT {_SUMS} FROM projects WHERE serial > 0")
            self._totals = _totals(row.fetchone())
        return self._totals

    def unchecked(self) -> Totals:
        """Return sums over the published projects that the current verification has not checked yet."""
        row = self._db.execute(f"SELECT {_SUMS} FROM projects "
                               "WHERE serial > 0 AND name NOT IN (SELECT name FROM checked)")
        return _totals(row.fetchone())

    def barren(self) -> int:
        """Return the number of projects of which ``filename_matches`` excludes all files."""
        found = self._db.execute(f"SELECT total(barren) FROM projects WHERE {BARREN}").fetchone()[0]
        return int(found) if math.isfinite(found) else 0

    def quarantined(self) -> list[str]:
        """Return the names of the published projects that are quarantined upstream; these have no files."""
        rows = self._db.execute("SELECT name, record FROM projects JOIN records USING (name) "
                                "WHERE serial > 0 AND files = 0 ORDER BY name")
        return [name for name, record in rows if _is_quarantined(record)]

    def untimed(self) -> tuple[int, int]:
        """Return the number of files without the upload time that a filter needs, and the number of their projects."""
        files, projects = self._db.execute("SELECT total(untimed), count(*) FROM projects WHERE untimed > 0").fetchone()
        return int(files) if math.isfinite(files) else 0, int(projects)

    def errors(self) -> list[Row]:
        """Return the projects whose last evaluation failed, and those with unavailable pinned releases."""
        rows = self._db.execute(
            f"SELECT {self._columns} FROM projects WHERE {FAILED} ORDER BY name")
        return [_row(row) for row in rows]


def _is_quarantined(record: Any) -> bool:
    try:
        return decode(record).quarantined
    except BadRecord:
        return False


def _row(values: Sequence[Any]) -> Row:
    """Return a row, with defaults for values of wrong types, as a read-only database may have them."""
    types = tuple(map(type, values))
    if types in _good and all(map(math.isfinite, filter(None, values[_SINCE:_DUE + 1]))):
        return Row._make(values)
    row = Row(*(damage.value_or_default(value, kinds, otherwise)
                for value, (kinds, otherwise) in zip(values, _COLUMNS, strict=True)))
    if all(one is other for one, other in zip(row, values, strict=True)):
        _good.add(types)  # nearly all rows are of a few signatures
    return row


def _known(rows: Iterable[Sequence[Any]]) -> Iterator[KnownProject]:
    return (KnownProject(name, listed, page, not isinstance(pending, int) or bool(pending & _WORK), due, display)
            for name, listed, page, pending, due, display in rows)


def _totals(values: Iterable[float]) -> Totals:
    return Totals(*(int(value) if math.isfinite(value) else 0 for value in values))
