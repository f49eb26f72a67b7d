"""Where removed files wait, a folder a day, so that a mistake costs no download."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ..interfaces import IStorage
from ..model import File, Project
from ..names import BESIDE, METADATA, OWN, distribution
from ..state import records
from .trash_index import TrashIndex

FOLDER = f"{OWN}/trash"
#: Ending of what remembers the facts of a file's page; no distribution's name ends so.
_FACTS = ".facts"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Waiting(NamedTuple):
    """One file in the trash."""

    #: ISO date of the day on which it was put here.
    day: str
    #: The folder it was taken out of: a normalised name, unless it is a page that nobody owned.
    project: str
    filename: str
    #: Bytes, those of what lies beside it included.
    size: int


class Trash:
    """The trash of one mirror: ``.pypimirror/trash/<date>/<project>/<file>``."""

    def __init__(self, storage: IStorage, today: datetime.date | None = None):
        self._storage = storage
        self._today = (today or datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc).date()).isoformat()
        self._listed: list[str] | None = None
        self._notes = None if storage.cheap_listing else TrashIndex(storage)

    def days(self) -> list[str]:
        """Return the days on which something was put here, newest first."""
        if self._listed is None:
            self._listed = self._found() if self._notes is None else self._notes.days()
        return self._listed

    def _found(self) -> list[str]:
        """Look for the days."""
        return sorted((n[:-1] for n in self._storage.listdir(FOLDER) if n.endswith("/")), reverse=True)

    def waiting(self) -> Iterator[Waiting]:
        """Yield what waits here, newest first, then by project and name."""
        for day in self._found():
            for project in self._storage.listdir(f"{FOLDER}/{day}"):
                folder = f"{FOLDER}/{day}/{project.rstrip('/')}"
                names = dict.fromkeys(self._storage.listdir(folder))
                for name in names:
                    if name.endswith(_FACTS) or (name.endswith(BESIDE) and distribution(name) in names):
                        continue
                    parts = [name, *(name + suffix for suffix in BESIDE if name + suffix in names)]
                    yield Waiting(day, project.rstrip("/"), name,
                                  sum(self._storage.size(f"{folder}/{part}") or 0 for part in parts))

    def put(self, project: str, filename: str, facts: File | None = None) -> None:
        """Take a file and what lies beside it out of the mirror. facts: what pages said of it."""
        folder = f"{FOLDER}/{self._today}/{project}"
        self._note(project)
        if facts is not None and self._storage.size(f"{project}/{filename}") is not None:
            self._storage.write(f"{folder}/{filename}{_FACTS}", (records.encode(Project(project, (facts,))),))
        for name in (filename, *(filename + suffix for suffix in BESIDE)):
            path = f"{project}/{name}"
            if self._storage.size(path) is not None:
                self._storage.move(path, f"{folder}/{name}")
        self._listed = None

    def keep(self, path: str, project: str, filename: str) -> bool:
        """Take what lies elsewhere in the mirror as if it were that file of the project; say whether there was room for it."""
        target = f"{FOLDER}/{self._today}/{project}/{filename}"
        if self._storage.size(target) is not None and self._storage.digest(target) != self._storage.digest(path):
            return False
        self._note(project)
        self._storage.move(path, target)
        self._listed = None
        return True

    def _note(self, project: str) -> None:
        if self._notes is not None:
            self._notes.note(self._today, project)

    def _forget(self, day: str, project: str = "") -> None:
        # Not where a file of the same name, put here today, keeps one in its place: it is looked at again by the next run.
        if self._notes is not None and not self._storage.listdir(f"{FOLDER}/{day}/{project}".rstrip("/")):
            self._notes.forget(day, project)

    def facts(self, waiting: Waiting) -> File | None:
        """Return what pages said of a file when it was put here, or None where that is not known."""
        record = self._storage.read(f"{FOLDER}/{waiting.day}/{waiting.project}/{waiting.filename}{_FACTS}")
        try:
            return records.decode(record).files[0] if record is not None else None
        except (ValueError, IndexError):
            return None

    def digest(self, waiting: Waiting, ending: str = "") -> str | None:
        """Return the sha256 of a file here, or of what lies beside it with that ending; None where there is none."""
        return self._storage.digest(f"{FOLDER}/{waiting.day}/{waiting.project}/{waiting.filename}{ending}")

    def metadata(self, waiting: Waiting) -> bytes | None:
        """Return the metadata file of a file here, or None where there is none."""
        return self._storage.read(f"{FOLDER}/{waiting.day}/{waiting.project}/{waiting.filename}{METADATA}")

    def take(self, project: str, filename: str, hashes: Mapping[str, str], target: str | None = None,
             beside: Iterable[str] = ()) -> bool:
        """Put a file back into the mirror if it is here and has the sha256 that is asked for; say whether.

        target: another path than its old one. beside: endings of what comes with it if it is here, since nobody tells its hash.
        """
        wanted = hashes.get("sha256")
        if wanted is None:
            return False
        for day in self.days() if self._notes is None else self._notes.days_of(project):
            path = f"{FOLDER}/{day}/{project}/{filename}"
            if self._storage.size(path) is not None and self._storage.digest(path) == wanted:
                self._storage.move(path, target or f"{project}/{filename}")
                self._storage.remove(path + _FACTS)
                for suffix in beside:
                    if self._storage.size(path + suffix) is not None:
                        self._storage.move(path + suffix, f"{project}/{filename}{suffix}")
                return True
        return False

    def expire(self, keep: int, today: datetime.date | None = None) -> int:
        """Delete what has waited longer than ``keep`` days; return how many files that were.

        today: the day to count from. What was put here on a day that is still to come, by a clock that was wrong, waits from
        today on.
        """
        for day in self.days():
            if _DAY.fullmatch(day) and day > self._today:
                self._put_off(day)
        limit = ((today or datetime.date.fromisoformat(self._today)) - datetime.timedelta(days=keep)).isoformat()
        return self._delete([day for day in self.days() if day < limit])

    def _put_off(self, day: str) -> None:
        for project in self._storage.listdir(f"{FOLDER}/{day}"):
            here = f"{FOLDER}/{self._today}/{project.rstrip('/')}"
            self._note(project.rstrip("/"))
            for name in self._storage.listdir(f"{FOLDER}/{day}/{project.rstrip('/')}"):
                if self._storage.size(f"{here}/{name}") is None:
                    self._storage.move(f"{FOLDER}/{day}/{project}{name}", f"{here}/{name}")
            self._forget(day, project.rstrip("/"))
        self._forget(day)
        self._listed = None

    def empty(self) -> int:
        """Delete all that waits here; return how many files that were."""
        return self._delete(sorted({*self._found(), *self.days()}))

    def _delete(self, days: list[str]) -> int:
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
        """Return how many files wait here, and their bytes."""
        sizes = [waiting.size for waiting in self.waiting()]
        return {"files": len(sizes), "bytes": sum(sizes)}
