"""The advisories in use, in an SQLite database in the folder of the state: documents by source, and digests by project.

It is written while the lock is held; ``audit`` and ``serve`` read it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing
from typing import NamedTuple

from ..advisory import Advisory
from ..errors import StorageError
from ..names import MALICIOUS
from ..state.sqlite_file import SQLiteFile
from ..storage.ownership import check_own
from . import osv
from .grouping import join_aliases

#: Changes when advisories are read in another way, so that projects are evaluated again.
LAYOUT = 2
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (source TEXT PRIMARY KEY, validator TEXT, newest TEXT NOT NULL, documents INTEGER NOT NULL,
    taken REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (source TEXT, member TEXT, fingerprint TEXT NOT NULL, id TEXT, modified TEXT, withdrawn INTEGER,
    body BLOB, PRIMARY KEY (source, member));
CREATE TABLE packages (project TEXT, source TEXT, member TEXT, PRIMARY KEY (project, source, member)) WITHOUT ROWID;
CREATE TABLE projects (project TEXT PRIMARY KEY, digest TEXT NOT NULL, malicious INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX by_id ON documents (id) WHERE id IS NOT NULL;
CREATE INDEX by_member ON packages (source, member);
"""
_OF_PROJECT = ("SELECT id, withdrawn, modified, fingerprint, body FROM packages JOIN documents USING (source, member) "
               "WHERE project = ? ORDER BY id, modified DESC, fingerprint")


#: Seconds that clocks may differ.
_DAY = 86400


def latest() -> str:
    """Return the time after which an advisory is dated in the future, as in ``AdvisoryHeader.modified``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + _DAY))


class Source(NamedTuple):
    """What is known of a source at its last import."""

    #: ETag, time or size; None if the source is compared document by document.
    validator: str | None
    #: The time of the newest advisory.
    newest: str
    #: The number of advisories about projects of PyPI.
    documents: int
    #: When it was imported, in seconds since 1970.
    taken: float


class AdvisoryDatabase(SQLiteFile):
    """The database of one mirror."""

    def __init__(self, folder: str):
        super().__init__(folder, "advisories.sqlite")

    def open(self) -> str | None:
        """Open the database; create it if it is missing or damaged. Returns a message about damage, or None.

        Raises StorageError, ConfigurationError.
        """
        check_own(self.path)
        self.check_files()
        try:
            self._connect()
        except sqlite3.OperationalError as error:
            raise StorageError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            self.close()
            self.remove_companions()
            os.unlink(self.path)
            self._connect()
            return f"{self.path}: damaged ({error}); the advisories are read again"
        return None

    def open_to_read(self) -> bool:
        """Open the database read-only; return whether it exists. Raises StorageError, ConfigurationError."""
        self.check_files()
        if not os.path.exists(self.path):
            return False
        try:
            self._connection = self.connect_to_read(check_same_thread=False)
            if self.layout != LAYOUT:
                self.close()
                return False
            self.check_parts(_SCHEMA)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: can't be read: {error}; the next sync reads the advisories again") from error
        return True

    def open_copy(self, folder: str) -> AdvisoryDatabase:
        """Return a copy of the database in another folder, open. Raises StorageError."""
        copy = AdvisoryDatabase(folder)
        copy.open()
        if self.open_to_read():
            with closing(self._db):
                self._db.backup(copy._db)
            self._connection = None
        return copy

    def check_layout(self) -> None:
        if self.layout not in (0, LAYOUT):
            raise sqlite3.DatabaseError(f"layout {self.layout}")

    def _connect(self) -> None:
        self.connect()
        if self.layout == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {LAYOUT}; COMMIT;")
        self.check_parts(_SCHEMA)
        self._db.execute("SELECT project, digest, malicious FROM projects LIMIT 1").fetchone()

    # --- sources

    def sources(self) -> dict[str, Source]:
        """Return the sources that were imported, by name."""
        return {source: Source(*rest) for source, *rest in self._db.execute(
            "SELECT source, validator, newest, documents, taken FROM sources")}

    def fingerprints(self, source: str) -> dict[str, str]:
        """Return the fingerprints of the documents of a source by member."""
        return dict(self._db.execute("SELECT member, fingerprint FROM documents WHERE source = ?", (source,)))

    def counts(self, source: str) -> Source:
        """Return the present counts of a source; ``validator`` and ``taken`` are empty.

        An advisory that is dated in the future does not count as the newest: it would hide for years that others are old.
        """
        count, newest = self._db.execute("SELECT count(*), max(CASE WHEN modified <= ? THEN modified END) FROM documents "
                                         "WHERE source = ? AND id IS NOT NULL", (latest(), source)).fetchone()
        return Source(None, newest or "", count, 0.0)

    def begin(self) -> None:
        """Begin a transaction."""
        self._db.execute("BEGIN IMMEDIATE")

    def rollback(self) -> None:
        """Undo the changes since ``begin``."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def commit(self, source: str, found: Source | None, touched: Collection[str]) -> None:
        """Commit the import of a source. found: None if the source was deleted; touched: names of projects with changes."""
        if found is None:
            self._db.execute("DELETE FROM sources WHERE source = ?", (source,))
        else:
            self._db.execute("REPLACE INTO sources VALUES (?, ?, ?, ?, ?)", (source, *found))
        for project in touched:
            self._update_digest(project)
        if touched:
            self._db.execute("REPLACE INTO facts VALUES ('generation', ?)", (secrets.token_hex(8),))
        self._db.execute("COMMIT")

    def put(self, source: str, member: str, fingerprint: str, header: osv.AdvisoryHeader | None, body: bytes) -> set[str]:
        """Store a document; return the names of the projects that it concerns now or did before.

        header: None for a document about other ecosystems, of which only the fingerprint is stored.
        """
        touched = self.remove(source, member)
        if header is None:
            self._db.execute("REPLACE INTO documents VALUES (?, ?, ?, NULL, NULL, NULL, NULL)", (source, member, fingerprint))
            return touched
        self._db.execute("REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", (
            source, member, fingerprint, header.id, header.modified, header.is_withdrawn, zlib.compress(body, 1)))
        self._db.executemany("REPLACE INTO packages VALUES (?, ?, ?)", ((name, source, member) for name in header.projects))
        return touched.union(header.projects)

    def remove(self, source: str, member: str) -> set[str]:
        """Delete a document; return the names of the projects that it concerned."""
        rows = self._db.execute("SELECT project FROM packages WHERE source = ? AND member = ?", (source, member)).fetchall()
        if rows:
            self._db.execute("DELETE FROM packages WHERE source = ? AND member = ?", (source, member))
        self._db.execute("DELETE FROM documents WHERE source = ? AND member = ?", (source, member))
        return {project for project, in rows}

    def _update_digest(self, project: str) -> None:
        """Compute the digest of a project's advisories."""
        digest, malicious, found = hashlib.sha256(), False, False
        for identifier, modified, fingerprint, _ in self._newest_documents(project):
            digest.update(f"{identifier} {modified} {fingerprint}\n".encode())
            malicious, found = malicious or identifier.startswith(MALICIOUS), True
        if not found:
            self._db.execute("DELETE FROM projects WHERE project = ?", (project,))
        else:
            self._db.execute("REPLACE INTO projects VALUES (?, ?, ?)", (project, digest.hexdigest()[:16], malicious))

    # --- what affects projects

    @property
    def generation(self) -> str:
        """A text that changes with any advisory."""
        found = self._db.execute("SELECT value FROM facts WHERE name = 'generation'").fetchone()
        return str(found[0]) if found else ""

    def digest(self, project: str) -> str:
        """Return a text that changes with the advisories about a project; empty without any."""
        found = self._db.execute("SELECT digest FROM projects WHERE project = ?", (project,)).fetchone()
        return str(found[0]) if found else ""

    def digests(self) -> dict[str, tuple[str, bool]]:
        """Return the digests of all projects with advisories, each with whether one is about malicious releases."""
        return {project: (digest, bool(malicious))
                for project, digest, malicious in self._db.execute("SELECT project, digest, malicious FROM projects")}

    def of(self, project: str) -> tuple[Advisory, ...]:
        """Return the advisories about a project, aliases joined. Raises StorageError."""
        return join_aliases(osv.parse_advisory(document, project) for document in self.documents(project))

    def documents(self, project: str) -> Iterator[dict[str, object]]:
        """Yield the OSV documents about a project that are not withdrawn; of several with one id the newest."""
        return (self._parse_document(body) for _, _, _, body in self._newest_documents(project))

    def _newest_documents(self, project: str) -> Iterator[tuple[str, str, str, bytes]]:
        """Yield id, time, fingerprint and body of the documents of ``documents``."""
        last = None
        for identifier, is_withdrawn, modified, fingerprint, body in self._db.execute(_OF_PROJECT, (project,)):
            if identifier != last and not is_withdrawn:
                yield identifier, modified, fingerprint, body
            last = identifier

    def document(self, identifier: str) -> dict[str, object] | None:
        """Return the OSV document of this id, or None."""
        found = self._db.execute("SELECT body FROM documents WHERE id = ? ORDER BY modified DESC LIMIT 1",
                                 (identifier,)).fetchone()
        return self._parse_document(found[0]) if found else None

    def document_versions(self) -> Iterator[tuple[str, str]]:
        """Yield the id of each document with a text that changes with it, by id; of several with one id the newest."""
        last = None
        for identifier, modified, fingerprint in self._db.execute(
                "SELECT id, modified, fingerprint FROM documents WHERE id IS NOT NULL ORDER BY id, modified DESC, fingerprint"):
            if identifier != last:
                yield identifier, f"{modified} {fingerprint}"
            last = identifier

    def body(self, identifier: str) -> bytes | None:
        """Return the document of this id as it was read, or None. Raises StorageError."""
        found = self._db.execute("SELECT body FROM documents WHERE id = ? ORDER BY modified DESC, fingerprint LIMIT 1",
                                 (identifier,)).fetchone()
        return self._decompress(found[0]) if found else None

    def _decompress(self, body: bytes) -> bytes:
        try:
            return zlib.decompress(body)
        except zlib.error as error:
            raise self._unreadable_error(error) from error

    def _unreadable_error(self, error: Exception) -> StorageError:
        return StorageError(f"{self.path}: unreadable advisory: {error}; remove the file, and the next sync reads all "
                            "advisories again")

    def _parse_document(self, body: bytes) -> dict[str, object]:
        try:
            return osv.read_document(self._decompress(body))
        except osv.InvalidAdvisory as error:
            raise self._unreadable_error(error) from error
