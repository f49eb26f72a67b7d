"""Brings the database of advisories up to date with its sources.

A source that can't be read, has lost half of its advisories, or is older than before, changes nothing: what was imported last
counts, and the run reports it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..errors import MirrorError
from ..http.retry import RetryPolicy
from ..http.urls import strip_credentials
from ..interfaces import IFetcher
from ..names import BUNDLE_ADVISORIES, shown
from ..settings.units import format_moment
from . import archive, osv
from .archive import AdvisoryFile
from .database import AdvisoryDatabase, Source, latest
from .download import download

#: A source may lose so many advisories however few it has.
_ALWAYS = 10
_NOTHING = Source(None, "", 0, 0.0)
_ADVICE = " before; if that is right, run again with --allow-deletions"


class ImportResult(NamedTuple):
    """Result of ``update``."""

    #: Messages about sources that failed or are out of date; the next run tries again.
    problems: tuple[str, ...] = ()
    #: Messages about documents that were left out.
    notes: tuple[str, ...] = ()


class Importer:
    """Imports sources into a database that is open for writing."""

    def __init__(self, database: AdvisoryDatabase, fetcher: IFetcher, attempts: RetryPolicy, max_age: int, trust: bool = False):
        """max_age: seconds after which an archive's newest advisory is too old, 0 for no limit.

        trust: whether any change of a source counts.
        """
        self._database = database
        self._fetcher, self._attempts = fetcher, attempts
        self._max_age = max_age
        self._trust = trust
        self._notes: list[str] = []

    def update(self, sources: Iterable[str]) -> ImportResult:
        """Import what has changed in the sources, and delete what came from other ones. sources: paths and URLs."""
        known = self._database.sources()
        given = {strip_credentials(source): source for source in sources}
        problems = []
        for name in known.keys() - given.keys():
            self._delete_source(name)
        for name, source in given.items():
            try:
                self._import_source(name, source, known.get(name, _NOTHING))
            except MirrorError as error:
                problems.append(f"advisories: {error}{describe_last_import(known.get(name))}")
            else:
                problems += self._check_age(name, source)
        return ImportResult(tuple(problems), tuple(self._notes))

    def _delete_source(self, name: str) -> None:
        self._database.begin()
        touched: set[str] = set()
        for member in self._database.fingerprints(name):
            touched |= self._database.remove(name, member)
        self._database.commit(name, None, touched)

    def _import_source(self, name: str, source: str, before: Source) -> None:
        """Import a source that has changed; download it if it is a URL. Raises MirrorError."""
        if name == BUNDLE_ADVISORIES:  # import has brought them
            if not before.taken:
                raise MirrorError(f"{name}: no bundle with advisories was imported yet")
            return
        if "://" not in source:
            try:
                stamp = archive.change_stamp(source)
            except OSError as error:
                raise MirrorError(f"{source}: can't be read: {error.strerror}") from error
            if stamp is None or stamp != before.validator:
                self._import_changes(name, source, stamp, before)
            return
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(self._database.path), prefix="advisories.") as stream:
            done = download(self._fetcher, self._attempts, source, stream, before.validator)
            if not done.unchanged:
                stream.flush()
                try:
                    self._import_changes(name, stream.name, done.validator, before)
                except MirrorError as error:
                    raise MirrorError(str(error).replace(stream.name, name)) from error

    def _import_changes(self, name: str, path: str, validator: str | None, before: Source) -> None:
        """Import the changed documents of a source in one transaction."""
        with archive.open_source(path) as members:
            known = self._database.fingerprints(name)
            changed = [member for member, found in members.items() if known.get(member) != found.fingerprint]
            gone = known.keys() - members.keys()
            if not (changed or gone) and before.taken and validator == before.validator:
                return
            self._database.begin()
            try:
                touched = self._store_documents(name, members, changed, gone)
                after = self._database.counts(name)
                if not self._trust:
                    check_counts(name, before, after)
                self._database.commit(name, after._replace(validator=validator, taken=time.time()), touched)
            finally:
                self._database.rollback()

    def _store_documents(self, name: str, members: Mapping[str, AdvisoryFile], changed: Iterable[str],
                         gone: Iterable[str]) -> set[str]:
        """Store the changed documents, and delete missing ones; return the names of the affected projects."""
        touched: set[str] = set()
        invalid: list[str] = []
        future: list[str] = []
        limit = latest()
        for member in changed:
            try:
                body = members[member].read()
                document = osv.read_document(body)
                header = osv.parse_header(document)
            except (OSError, ValueError) as error:
                invalid.append(f"{shown(member)}: {error}")
                continue
            if header.modified > limit:
                future.append(f"{header.id} ({header.modified})")
            touched |= self._database.put(name, member, members[member].fingerprint, header if header.projects else None, body)
        for member in gone:
            touched |= self._database.remove(name, member)
        if invalid:
            self._notes.append(f"advisories: {name}: {len(invalid)} entries can't be read and are left out, such as "
                               f"{invalid[0]}")
        if future:
            self._notes.append(f"advisories: {name}: {len(future)} are dated in the future, such as {future[0]}; they count, "
                               "but not as the newest")
        return touched

    def _check_age(self, name: str, source: str) -> list[str]:
        """Return a message if an archive has no advisory of recent days; a directory holds the site's own ones."""
        found = self._database.sources().get(name)
        if found is None or found.validator is None or not self._max_age:
            return []
        oldest = format_moment(time.time() - self._max_age) or ""
        if found.newest and found.newest[:19] >= oldest[:19]:
            return []
        return [f"advisories: {name}: its newest advisory is of {found.newest[:10] or 'no day'}, older than "
                "advisories_max_age allows: check where it comes from"]


def check_counts(name: str, before: Source, after: Source) -> None:
    """Raise MirrorError if a source has lost half of its advisories, or is an older copy."""
    if before.documents - after.documents > _ALWAYS and after.documents * 2 < before.documents:
        raise MirrorError(f"{name}: has {after.documents} advisories, and had {before.documents}{_ADVICE}")
    if after.newest < before.newest <= latest() and before.validator is not None:
        raise MirrorError(f"{name}: its newest advisory is of {after.newest}, and was of {before.newest}{_ADVICE}")


def describe_last_import(before: Source | None) -> str:
    """Return the end of a message about a source that failed: which of its advisories count."""
    if before is None:
        return "; none of its advisories was ever read"
    return f"; those of {format_moment(before.taken)} count"
