"""The trash: keeps removed files for some days, so that they can be restored without a download."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ..advisory import Advisory
from ..errors import StorageError
from ..interfaces import IStorage
from ..model import File, Project
from ..names import BESIDE, METADATA, OWN, distribution
from ..state import records
from .trash_index import TrashIndex

FOLDER = f"{OWN}/trash"
#: Suffix of the record of a file's facts; not a suffix of distributions.
_FACTS = ".facts"
#: Suffix of the files that were refused. Their names are their hashes, since a removed file may have the same name.
_REFUSED = ".refused"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class TrashedFile(NamedTuple):
    """One file in the trash."""

    #: ISO date of its removal.
    day: str
    #: Its former folder: a normalised name, except for pages.
    project: str
    filename: str
    #: Bytes, sidecars included.
    size: int
    #: Its sha256 if it was refused and never part of the mirror, else an empty text.
    refused: str = ""


class Trash:
    """The trash of one mirror: ``.pypimirror/trash/<date>/<project>/<file>``."""

    def __init__(self, storage: IStorage, today: datetime.date | None = None):
        self._storage = storage
        self._today = (today or datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc).date()).isoformat()
        self._listed: list[str] | None = None
        self._notes = None if storage.cheap_listing else TrashIndex(storage)

    def days(self) -> list[str]:
        """Return the days with removed files, newest first."""
        if self._listed is None:
            self._listed = self._list_days() if self._notes is None else self._notes.days()
        return self._listed

    def _list_days(self) -> list[str]:
        """List the days in the storage."""
        return sorted((n[:-1] for n in self._storage.listdir(FOLDER) if n.endswith("/")), reverse=True)

    def trashed_files(self) -> Iterator[TrashedFile]:
        """Yield the files in the trash, newest day first, then by project and name."""
        for day in self._list_days():
            for project in self._storage.listdir(f"{FOLDER}/{day}"):
                folder = f"{FOLDER}/{day}/{project.rstrip('/')}"
                names = dict.fromkeys(self._storage.listdir(folder))
                for name in names:
                    if name.endswith(_FACTS) or (name.endswith(BESIDE) and distribution(name) in names):
                        continue
                    if name.endswith(_REFUSED):
                        yield self._refused_file(day, project.rstrip("/"), name)
                        continue
                    parts = [name, *(name + suffix for suffix in BESIDE if name + suffix in names)]
                    yield TrashedFile(day, project.rstrip("/"), name,
                                  sum(self._storage.size(f"{folder}/{part}") or 0 for part in parts))

    def put(self, project: str, filename: str, facts: File | None = None, malicious: tuple[Advisory, ...] = ()) -> None:
        """Move a file and its sidecars to the trash. facts: its entry on pages; malicious: why it is dangerous."""
        folder = f"{FOLDER}/{self._today}/{project}"
        self._note_today(project)
        if (facts is not None or malicious) and self._storage.size(f"{project}/{filename}") is not None:
            record = Project(project, (facts or File(filename, "", listed=False),), advisories=malicious)
            self._storage.write(f"{folder}/{filename}{_FACTS}", (records.encode(record),))
        for name in (filename, *(filename + suffix for suffix in BESIDE)):
            path = f"{project}/{name}"
            if self._storage.size(path) is not None:
                self._storage.move(path, f"{folder}/{name}")
        self._listed = None

    def put_refused(self, project: str, file: File, fetch: Callable[[str], object]) -> None:
        """Store a file that was refused. file: with its sha256; fetch: writes it to a path of the storage."""
        path = f"{FOLDER}/{self._today}/{project}/{file.hashes['sha256']}{_REFUSED}"
        self._note_today(project)
        self._storage.write(path + _FACTS, (records.encode(Project(project, (file,))),))
        try:
            fetch(path)
        except BaseException:
            self._storage.remove(path + _FACTS)
            raise
        self._listed = None

    def refused(self, project: str) -> frozenset[str]:
        """Return the sha256 of the refused files of a project."""
        days = self.days() if self._notes is None else self._notes.days_of(project)
        return frozenset(name.removesuffix(_REFUSED) for day in days
                         for name in self._storage.listdir(f"{FOLDER}/{day}/{project}") if name.endswith(_REFUSED))

    def _refused_file(self, day: str, project: str, name: str) -> TrashedFile:
        found = TrashedFile(day, project, name, self._storage.size(f"{FOLDER}/{day}/{project}/{name}") or 0,
                            name.removesuffix(_REFUSED))
        facts = self.facts(found)
        return found if facts is None else found._replace(filename=facts.filename)

    def put_stray(self, path: str, project: str, filename: str) -> bool:
        """Move any file of the mirror to the trash as a file of a project; return False if it has another one of that name."""
        target = f"{FOLDER}/{self._today}/{project}/{filename}"
        if self._storage.size(target) is not None and self._storage.digest(target) != self._storage.digest(path):
            return False
        self._note_today(project)
        self._storage.move(path, target)
        self._listed = None
        return True

    def _note_today(self, project: str) -> None:
        if self._notes is not None:
            self._notes.note(self._today, project)

    def _forget(self, day: str, project: str = "") -> None:
        # Unless files remain, for which today's folder has one of the same name; the next run tries again.
        if self._notes is not None and not self._storage.listdir(f"{FOLDER}/{day}/{project}".rstrip("/")):
            self._notes.forget(day, project)

    def facts(self, waiting: TrashedFile) -> File | None:
        """Return the facts of a file at its removal, or None if they are unknown."""
        project = self._read_facts(waiting)
        return project.files[0] if project is not None and project.files else None

    def malicious(self, waiting: TrashedFile) -> tuple[str, ...]:
        """Return the ids of the advisories that called a file malicious at its removal."""
        project = self._read_facts(waiting)
        return () if project is None else tuple(each.id for each in project.advisories)

    def _read_facts(self, waiting: TrashedFile) -> Project | None:
        """Return the facts that were stored with a file, or None."""
        record = self._storage.read(f"{FOLDER}/{waiting.day}/{waiting.project}/{waiting.filename}{_FACTS}")
        try:
            return records.decode(record) if record is not None else None
        except ValueError:
            return None

    def digest(self, waiting: TrashedFile, ending: str = "") -> str | None:
        """Return the sha256 of a file in the trash, or of a sidecar, or None. ending: the suffix of the sidecar."""
        return self._storage.digest(f"{FOLDER}/{waiting.day}/{waiting.project}/{waiting.filename}{ending}")

    def metadata(self, waiting: TrashedFile) -> bytes | None:
        """Return the content of a file's metadata file, or None."""
        return self._storage.read(f"{FOLDER}/{waiting.day}/{waiting.project}/{waiting.filename}{METADATA}")

    def take(self, project: str, filename: str, hashes: Mapping[str, str], target: str | None = None,
             sidecars: Iterable[str] = ()) -> bool:
        """Move a file with the sha256 of ``hashes`` back into the mirror; return whether there was one.

        target: its path, if it differs from the old one. sidecars: suffixes of sidecars without known hashes to move as well.
        """
        wanted = hashes.get("sha256")
        if wanted is None or not self._is_readable():
            return False
        for day in self.days() if self._notes is None else self._notes.days_of(project):
            path = f"{FOLDER}/{day}/{project}/{filename}"
            if self._storage.size(path) is not None and self._storage.digest(path) == wanted:
                self._storage.move(path, target or f"{project}/{filename}")
                self._storage.remove(path + _FACTS)
                for suffix in sidecars:
                    if self._storage.size(path + suffix) is not None:
                        self._storage.move(path + suffix, f"{project}/{filename}{suffix}")
                return True
        return False

    def _is_readable(self) -> bool:
        """Whether the days can be listed: with something else in place of the folder, what it may have had is downloaded."""
        try:
            return self._notes is not None or bool(self.days())
        except StorageError:
            return False

    def expire(self, keep: int, today: datetime.date | None = None) -> int:
        """Delete files after ``keep`` days; return their number.

        today: the day to count from. Days in the future, from a wrong clock, are moved to today.
        """
        for day in self.days():
            if _DAY.fullmatch(day) and day > self._today:
                self._move_to_today(day)
        limit = ((today or datetime.date.fromisoformat(self._today)) - datetime.timedelta(days=keep)).isoformat()
        return self._delete_days([day for day in self.days() if day < limit])

    def _move_to_today(self, day: str) -> None:
        """Move the files of a day in the future, from a wrong clock, to today."""
        for project in self._storage.listdir(f"{FOLDER}/{day}"):
            here = f"{FOLDER}/{self._today}/{project.rstrip('/')}"
            self._note_today(project.rstrip("/"))
            for name in self._storage.listdir(f"{FOLDER}/{day}/{project.rstrip('/')}"):
                if self._storage.size(f"{here}/{name}") is None:
                    self._storage.move(f"{FOLDER}/{day}/{project}{name}", f"{here}/{name}")
            self._forget(day, project.rstrip("/"))
        self._forget(day)
        self._listed = None

    def empty(self) -> int:
        """Delete all files in the trash; return their number."""
        return self._delete_days(sorted({*self._list_days(), *self.days()}))

    def _delete_days(self, days: list[str]) -> int:
        count = 0
        for day in days:
            for project in self._storage.listdir(f"{FOLDER}/{day}"):
                folder = f"{FOLDER}/{day}/{project.rstrip('/')}"
                for name in self._storage.listdir(folder):
                    self._storage.remove(f"{folder}/{name}")
                    count += not name.endswith((*BESIDE, _FACTS))
                self._forget(day, project.rstrip("/"))
            self._forget(day)
        self._listed = None
        return count

    def totals(self) -> dict[str, int]:
        """Return the number of files in the trash, and their bytes."""
        sizes = [waiting.size for waiting in self.trashed_files()]
        return {"files": len(sizes), "bytes": sum(sizes)}
