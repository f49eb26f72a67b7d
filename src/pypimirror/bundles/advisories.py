"""Installs the advisories of a bundle: all of them or none, in one transaction of the database of advisories."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable

from ..advisories import osv
from ..advisories.archive import MOST_BYTES
from ..advisories.database import AdvisoryDatabase, Source
from ..advisories.importer import check_counts, describe_last_import
from ..errors import MirrorError
from ..names import BUNDLE_ADVISORIES, shown
from .model import DELTA, BundleHeader, BundleMember, advisory_id

#: The source of the documents in the database.
_SOURCE = BUNDLE_ADVISORIES
_AGAIN = "export --against the receipt carries all of them"


class IncomingAdvisories:
    """The advisories of one bundle. If they can't be installed, those that were installed last count."""

    def __init__(self, folder: str, header: BundleHeader, trust: bool):
        """folder: that of the state. trust: whether any loss of advisories counts."""
        self._database = AdvisoryDatabase(folder)
        self._header, self._trust = header, trust
        self._before: Source | None = None
        self._known: dict[str, str] = {}
        self._touched: set[str] = set()
        self._invalid: list[str] = []
        self._is_begun = False
        #: The message if they can't be installed.
        self.problem: str | None = None

    def close(self) -> None:
        """Close the database; what was not installed is lost."""
        self._database.close()

    def add(self, member: BundleMember, read: Callable[[int], bytes]) -> bool:
        """Store a document; return whether its content is the one in the manifest. read: returns its next bytes."""
        digest, blocks, left = hashlib.sha256(), [], member.size
        while left and (block := read(min(left, MOST_BYTES))):
            digest.update(block)
            left -= len(block)
            if member.size <= MOST_BYTES:
                blocks.append(block)
        if left or digest.hexdigest() != member.sha256:
            return False
        self._run_unless_failed(lambda: self._store_document(member, b"".join(blocks)))
        return True

    def _store_document(self, member: BundleMember, body: bytes) -> None:
        """Store a valid document that the database does not have; remember an invalid one for the message."""
        identifier = advisory_id(member.path) or ""
        if self._known.pop(identifier, None) == member.sha256:
            return
        try:
            header = osv.parse_header(osv.read_document(body))
            if header.id != identifier:
                raise osv.InvalidAdvisory("another id")
        except ValueError as error:
            self._invalid.append(f"{shown(identifier)}: {error}")
            return
        self._touched |= self._database.put(_SOURCE, identifier, member.sha256, header, body)

    def remove(self, identifier: str) -> None:
        """Delete a document that the exported mirror no longer has."""
        self._run_unless_failed(lambda: self._touched.update(self._database.remove(_SOURCE, identifier)))

    def install(self) -> str | None:
        """Commit the documents; return a message about those that were left out, or None."""
        self._run_unless_failed(self._commit)
        self._database.close()
        if not self._invalid or self.problem:
            return None
        return f"advisories: {len(self._invalid)} documents can't be read and are left out, such as {self._invalid[0]}"

    def _commit(self) -> None:
        """Commit the transaction, after a check that the source has not lost too many advisories."""
        if self._header.advisories != DELTA:
            for identifier in self._known:
                self._touched |= self._database.remove(_SOURCE, identifier)
        after = self._database.counts(_SOURCE)
        if not self._trust and self._before is not None:
            # Its mark shows that the bundle is not an older one, also if the newest advisory was taken back.
            check_counts(_SOURCE, self._before._replace(validator=None), after)
        found = after._replace(validator=self._qualified_mark(self._header.end), taken=time.time())
        self._database.commit(_SOURCE, found, self._touched)

    def _run_unless_failed(self, work: Callable[[], None]) -> None:
        """Run a change of the database, unless an earlier one has failed."""
        if self.problem is not None:
            return
        try:
            if not self._is_begun:
                self._begin()
            work()
        except (MirrorError, sqlite3.Error, OSError) as error:
            self.problem = f"advisories: {error}{describe_last_import(self._before)}; {_AGAIN}"
            self._database.close()

    def _begin(self) -> None:
        """Open the database, and begin the transaction. Raises MirrorError if a delta does not fit to the last import."""
        self._database.open()
        self._before = self._database.sources().get(_SOURCE)
        self._database.begin()
        self._is_begun = True
        if self._header.advisories != DELTA:
            self._known = self._database.fingerprints(_SOURCE)
            return
        marks = {self._qualified_mark(self._header.base), self._qualified_mark(self._header.end)}
        if self._before is None or self._before.validator not in marks:
            raise MirrorError("the bundle has the changes since another import")

    def _qualified_mark(self, mark: str | None) -> str:
        """Return a mark with the mirror that it belongs to."""
        return f"{self._header.mirror} {mark}"
