"""Where removed files wait, a folder a day, so that a mistake costs no download."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from ..interfaces import IStorage
from ..settings.reader import OWN

FOLDER = f"{OWN}/trash"
METADATA = ".metadata"


class Trash:
    """The trash of one mirror: ``.pypimirror/trash/<date>/<project>/<file>``."""

    def __init__(self, storage: IStorage, today: datetime.date | None = None):
        self._storage = storage
        self._today = (today or datetime.datetime.now(datetime.timezone.utc).date()).isoformat()
        self._listed: list[str] | None = None

    def days(self) -> list[str]:
        """Return the days on which something was put here, newest first."""
        if self._listed is None:
            self._listed = sorted((n[:-1] for n in self._storage.names(FOLDER) if n.endswith("/")), reverse=True)
        return self._listed

    def put(self, project: str, filename: str) -> None:
        """Take a file and its metadata file out of the mirror."""
        for name in (filename, filename + METADATA):
            path = f"{project}/{name}"
            if self._storage.size(path) is not None:
                self._storage.move(path, f"{FOLDER}/{self._today}/{path}")
        self._listed = None

    def keep(self, path: str, project: str, filename: str) -> bool:
        """Take what lies elsewhere in the mirror as if it were that file of the project; say whether there was room for it."""
        target = f"{FOLDER}/{self._today}/{project}/{filename}"
        if self._storage.size(target) is not None:
            return False
        self._storage.move(path, target)
        self._listed = None
        return True

    def take(self, project: str, filename: str, hashes: Mapping[str, str]) -> bool:
        """Put a file back into the mirror if it is here and has the sha256 that is asked for; say whether."""
        wanted = hashes.get("sha256")
        if wanted is None:
            return False
        for day in self.days():
            path = f"{FOLDER}/{day}/{project}/{filename}"
            if self._storage.size(path) is not None and self._storage.digest(path) == wanted:
                self._storage.move(path, f"{project}/{filename}")
                return True
        return False

    def expire(self, keep: int) -> int:
        """Delete what has waited longer than ``keep`` days; return how many files that were."""
        limit = (datetime.date.fromisoformat(self._today) - datetime.timedelta(days=keep)).isoformat()
        count = 0
        for day in [day for day in self.days() if day < limit]:
            for project in self._storage.names(f"{FOLDER}/{day}"):
                for name in self._storage.names(f"{FOLDER}/{day}/{project.rstrip('/')}"):
                    self._storage.remove(f"{FOLDER}/{day}/{project.rstrip('/')}/{name}")
                    count += not name.endswith(METADATA)
        return count

    def totals(self) -> dict[str, int]:
        """Return how many files wait here, and their bytes."""
        files = size = 0
        for day in self.days():
            for project in self._storage.names(f"{FOLDER}/{day}"):
                for name in self._storage.names(f"{FOLDER}/{day}/{project.rstrip('/')}"):
                    files += not name.endswith(METADATA)
                    size += self._storage.size(f"{FOLDER}/{day}/{project.rstrip('/')}/{name}") or 0
        return {"files": files, "bytes": size}
