"""Index of the trash for storages with expensive listing, so that a run need not list the trash.

``.pypimirror/trash-days`` has the days with removed files, ``.pypimirror/trashed/<project>`` those of a project. Days that are
empty by now do no harm. The verb ``trash`` lists the trash itself.
"""

from __future__ import annotations

import threading

from ..interfaces import IStorage
from ..names import OWN

DAYS = f"{OWN}/trash-days"
PROJECTS = f"{OWN}/trashed"


class TrashIndex:
    """The index of one mirror's trash."""

    def __init__(self, storage: IStorage):
        self._storage = storage
        self._lock = threading.Lock()
        #: Entries written by this process, so that they are written once.
        self._noted: set[tuple[str, str]] = set()

    def days(self) -> list[str]:
        """Return the days with removed files, newest first."""
        return self._read(DAYS)

    def days_of(self, project: str) -> list[str]:
        """Return the days with removed files of a project, newest first."""
        return self._read(f"{PROJECTS}/{project}")

    def note(self, day: str, project: str) -> None:
        """Record a day before a file of the project is moved to the trash."""
        for path, of in ((DAYS, ""), (f"{PROJECTS}/{project}", project)):
            with self._lock:
                if (day, of) not in self._noted:
                    self._write(path, {*self._read(path), day})
                    self._noted.add((day, of))

    def forget(self, day: str, project: str = "") -> None:
        """Delete a day of a project, or of the whole trash."""
        path = f"{PROJECTS}/{project}" if project else DAYS
        with self._lock:
            self._noted.discard((day, project))
            self._write(path, {*self._read(path)} - {day})

    def _read(self, path: str) -> list[str]:
        return sorted((self._storage.read(path) or b"").decode("ascii", "replace").split(), reverse=True)

    def _write(self, path: str, days: set[str]) -> None:
        if days:
            self._storage.write(path, ("".join(f"{day}\n" for day in sorted(days)).encode(),))
        else:
            self._storage.remove(path)
