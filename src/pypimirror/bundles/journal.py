"""The journal of exports: what the mirror contained at each mark, so that a bundle has exactly the changes since one.

It is brought up to date by each export, which compares the projects' serials. It does not depend on the state's history: after
a loss of the state, all projects are compared.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from ..errors import StorageError
from ..state.sqlite_file import SQLiteFile
from ..storage.ownership import check_own
from .manifest import is_identifier

#: The entry of the paths that belong to no project: pages about all projects, and pin files.
COMMON = ""
_TABLES = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE marks (serial INTEGER PRIMARY KEY, mark TEXT NOT NULL UNIQUE)",
    "CREATE TABLE projects (name TEXT PRIMARY KEY, version TEXT NOT NULL, serial INTEGER NOT NULL, paths BLOB NOT NULL)",
    "CREATE INDEX projects_by_serial ON projects (serial, name)",
    "CREATE TABLE removed (path TEXT PRIMARY KEY, serial INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX removed_by_serial ON removed (serial, path)",
    "CREATE TABLE lost (name TEXT PRIMARY KEY, serial INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX lost_by_serial ON lost (serial, name)",
)
#: Added by layout 2. The fingerprint of a removed document is empty.
_ADVISORIES = (
    "CREATE TABLE advisories (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, serial INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX advisories_by_serial ON advisories (serial, id)",
)
_LAYOUT = 2
#: The fact: the generation of the advisories that were compared last.
_GENERATION = "advisories"


class PathEntry(NamedTuple):
    """A path of the mirror: its content, and the serial of the mark at which it had this content first."""

    sha256: str
    size: int
    since: int = 0


#: Paths with their contents.
Paths = Mapping[str, PathEntry]


class Journal(SQLiteFile):
    """The database of one mirror's journal. Only an export, which holds the lock, opens it."""

    def __init__(self, folder: str):
        """folder: that of the state."""
        super().__init__(folder, "bundles.sqlite")

    def open(self) -> None:
        """Open the database; create it if it is missing. Raises StorageError, ConfigurationError."""
        check_own(self.path)
        self.check_files()
        with self._errors():
            self.connect()
            if (layout := self.layout) < _LAYOUT:
                self._migrate(layout)
            self.check_parts(" ".join((*_TABLES, *_ADVISORIES)))
            if not is_identifier(self.fact("mirror")):
                raise sqlite3.DatabaseError("the identifier of the mirror is missing or damaged")

    def check_layout(self) -> None:
        if self.layout > _LAYOUT:
            raise StorageError(f"{self.path}: written by a newer version of this program; run that version")

    def _migrate(self, layout: int) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for table in (*(_TABLES if layout == 0 else ()), *_ADVISORIES):
            self._db.execute(table)
        if layout == 0:
            self.set_fact("mirror", uuid.uuid4().hex)
        self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
        self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translate errors of the database."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path}: {error}; if it is damaged, move it away: the next export has to be a full one, "
                               "or against a listing") from error

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One transaction: all changes in the block, or none of them."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    # --- marks

    @property
    def mirror(self) -> str:
        """The identifier of the mirror."""
        return self.fact("mirror") or ""

    def fact(self, name: str) -> str | None:
        """Return a fact, or None."""
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def set_fact(self, name: str, value: str) -> None:
        """Store a fact."""
        self._db.execute("REPLACE INTO facts VALUES (?, ?)", (name, value))

    def last(self) -> tuple[int, str] | None:
        """Return the newest mark: its serial and its text; None before the first one."""
        found = self._db.execute("SELECT serial, mark FROM marks ORDER BY serial DESC LIMIT 1").fetchone()
        return (int(found[0]), str(found[1])) if found else None

    def newest_marks(self, count: int) -> list[str]:
        """Return the newest marks, the newest first."""
        return [mark for mark, in self._db.execute("SELECT mark FROM marks ORDER BY serial DESC LIMIT ?", (count,))]

    def serial_of(self, mark: str) -> int | None:
        """Return the serial of a mark, or None if the journal does not have it."""
        found = self._db.execute("SELECT serial FROM marks WHERE mark = ?", (mark,)).fetchone()
        return int(found[0]) if found else None

    def add_mark(self, serial: int, changes: bytes) -> None:
        """Add a mark. changes: digest of the changes since the last one; equal marks have equal histories."""
        last = self.last()
        text = f"{self.mirror} {last[1] if last else ''} {serial} ".encode() + changes
        self._db.execute("INSERT INTO marks VALUES (?, ?)", (serial, f"{serial}-{hashlib.sha256(text).hexdigest()[:8]}"))

    # --- contents

    def versions(self) -> Iterator[tuple[str, str]]:
        """Yield names and versions of the projects, in order of names."""
        return iter(self._db.execute("SELECT name, version FROM projects WHERE name != '' ORDER BY name"))

    def paths(self, name: str) -> dict[str, PathEntry]:
        """Return the paths of a project; empty if it is unknown."""
        found = self._db.execute("SELECT paths FROM projects WHERE name = ?", (name,)).fetchone()
        return _decode_paths(found[0]) if found else {}

    def save(self, name: str, version: str, serial: int | None, paths: Paths) -> None:
        """Save the paths of a project. serial: of the mark that is being made, or None if no path changed."""
        if serial is None:
            self._db.execute("UPDATE projects SET version = ? WHERE name = ?", (version, name))
            return
        self._db.execute("REPLACE INTO projects VALUES (?, ?, ?, ?)", (name, version, serial, _encode_paths(paths)))
        self._db.execute("DELETE FROM lost WHERE name = ?", (name,))
        self._db.executemany("DELETE FROM removed WHERE path = ?", ((path,) for path in paths))

    def remove(self, serial: int, removed: Iterable[tuple[str, str]]) -> None:
        """Record that paths were removed. removed: pairs of path and reason."""
        self._db.executemany("REPLACE INTO removed VALUES (?, ?, ?)", ((path, serial, why) for path, why in removed))

    def forget(self, name: str, serial: int, reason: str) -> None:
        """Record that a project was removed, with all of its paths."""
        self.remove(serial, ((path, reason) for path in self.paths(name)))
        self._db.execute("DELETE FROM projects WHERE name = ?", (name,))
        self._db.execute("REPLACE INTO lost VALUES (?, ?, ?)", (name, serial, reason))

    def changed(self, since: int) -> Iterator[tuple[str, dict[str, PathEntry]]]:
        """Yield the projects that changed since a serial, with all of their paths, in order of names."""
        with self._errors():
            for name, paths in self._db.execute(
                    "SELECT name, paths FROM projects WHERE serial > ? AND name != '' ORDER BY name", (since,)):
                yield name, _decode_paths(paths)

    def removed(self, since: int) -> Iterator[tuple[str, str]]:
        """Yield the paths that were removed since a serial, with the reasons, in order."""
        with self._errors():
            yield from self._db.execute("SELECT path, reason FROM removed WHERE serial > ? ORDER BY path", (since,))

    def lost(self, since: int) -> Iterator[tuple[str, str]]:
        """Yield the projects that were removed since a serial, with the reasons, in order."""
        with self._errors():
            yield from self._db.execute("SELECT name, reason FROM lost WHERE serial > ? ORDER BY name", (since,))


    # --- advisories

    def compare_advisories(self, generation: str, present: Iterator[tuple[str, str]], serial: int) -> list[str]:
        """Record the present documents; return the ids of those that changed or were removed.

        generation: changes with any document. present: ids and fingerprints, by id. serial: of the mark that is being made.
        """
        if not generation or self.fact(_GENERATION) == generation:
            return []
        known = dict(self._db.execute("SELECT id, fingerprint FROM advisories WHERE fingerprint != ''"))
        changed = [(one, fingerprint) for one, fingerprint in present if known.pop(one, None) != fingerprint]
        changed += [(one, "") for one in known]
        self._db.executemany("REPLACE INTO advisories VALUES (?, ?, ?)", ((*one, serial) for one in changed))
        self.set_fact(_GENERATION, generation)
        return [one for one, _ in changed]

    def changed_advisories(self, since: int) -> Iterator[tuple[str, bool]]:
        """Yield the documents that changed since a serial, by id, each with whether it is still there."""
        with self._errors():
            for one, fingerprint in self._db.execute(
                    "SELECT id, fingerprint FROM advisories WHERE serial > ? ORDER BY id", (since,)):
                yield one, bool(fingerprint)

    def had_advisories(self, serial: int) -> bool:
        """Return whether the last change of a document is older than a serial."""
        return self._db.execute("SELECT 1 FROM advisories WHERE serial <= ? LIMIT 1", (serial,)).fetchone() is not None


def _encode_paths(paths: Paths) -> bytes:
    return zlib.compress(json.dumps(dict(paths), separators=(",", ":")).encode(), 1)


def _decode_paths(text: bytes) -> dict[str, PathEntry]:
    return {path: PathEntry(*entry) for path, entry in json.loads(zlib.decompress(text)).items()}
