"""The advisories of one mirror, as the coordinator of a run uses them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from ..advisory import Advisory
from ..http.retry import RetryPolicy
from ..http.urls import strip_credentials
from ..interfaces import IFetcher, ISettings
from ..model import Project
from .database import AdvisoryDatabase

if TYPE_CHECKING:
    from .importer import ImportResult


class Advised(NamedTuple):
    """The advisories about a project, for its evaluation."""

    advisories: tuple[Advisory, ...]
    #: Changes with them.
    digest: str


class Advisories:
    """Reads the database in the folder of the state. Used in one thread."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._sources: tuple[str, ...] = settings["advisories"]
        self._database = AdvisoryDatabase(settings["state_path"])
        self._resources = ExitStack()
        self._is_complete: bool | None = None
        self._is_missing = False

    def update(self, fetcher: IFetcher, attempts: RetryPolicy, trust: bool, dry: bool = False) -> ImportResult:
        """Read what has changed in the sources. trust: whether any change counts; dry: whether nothing may be saved.

        Raises StorageError.
        """
        from .importer import Importer, ImportResult  # not loaded to read

        self.close()
        if not self._sources:
            if not dry:
                self._remove_database()
            return ImportResult()
        damage = None
        if dry:
            folder = self._resources.enter_context(tempfile.TemporaryDirectory(prefix="pypimirror-"))
            self._database = self._database.open_copy(folder)
        else:
            damage = self._database.open()
        importer = Importer(self._database, fetcher, attempts, self._settings["advisories_max_age"], trust)
        result = importer.update(self._sources)
        self._is_complete = None
        return result._replace(notes=(damage, *result.notes)) if damage else result

    def _remove_database(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self._database.path + ending)

    @property
    def generation(self) -> str:
        """A text that changes with any advisory; empty without any."""
        return self._database.generation if self._is_readable() else ""

    @property
    def were_read(self) -> bool:
        """Whether a source was ever read."""
        return self._is_readable() and bool(self._database.sources())

    def changed(self, name: str, digest: str) -> Advised | None:
        """Return the advisories about a project if they differ from those of a digest, else None."""
        present = self._database.digest(name) if self._is_readable() else ""
        if present == digest or (not present and not self._has_all_sources()):
            return None
        return Advised(self._database.of(name) if present else (), present)

    def digests(self) -> dict[str, tuple[str, bool]]:
        """Return the digests of all projects with advisories, each with whether one is about malicious releases."""
        return self._database.digests() if self._is_readable() else {}

    def document_versions(self) -> Iterator[tuple[str, str]]:
        """Yield the id of each document with a text that changes with it, by id."""
        return self._database.document_versions() if self._is_readable() else iter(())

    def body(self, identifier: str) -> bytes | None:
        """Return the document of this id as it was read, or None. Raises StorageError."""
        return self._database.body(identifier) if self._is_readable() else None

    def current(self, project: Project) -> Project:
        """Return a project with its present advisories, as far as they are known."""
        if not self._is_readable():
            return project
        found = self._database.of(project.name)
        return project._replace(advisories=found) if found or self._has_all_sources() else project

    def _is_readable(self) -> bool:
        """Open the database if that was not tried yet; return whether it is open."""
        if not self._sources or self._is_missing:
            return False
        if not self._database.is_open:
            self._is_missing = not self._database.open_to_read()
        return self._database.is_open

    def _has_all_sources(self) -> bool:
        """Return whether every source was imported; else a project may have advisories that are unknown now."""
        if not self._sources:
            return True
        if self._is_complete is None:
            known = self._database.sources() if self._is_readable() else {}
            self._is_complete = {strip_credentials(source) for source in self._sources} <= known.keys()
        return self._is_complete

    def close(self) -> None:
        """Close the database."""
        self._database.close()
        self._resources.close()
        self._is_missing = False
