"""What lies in the trash where listing costs: noted as it is put there, so that a run need not look for it.

``.pypimirror/trash-days`` holds the days, ``.pypimirror/trashed/<project>`` those on which something of a project came. A day
on which nothing lies any more does no harm. The verb ``trash`` does not trust the notes, but lists what there is.
"""

from __future__ import annotations

import threading

from ..interfaces import IStorage
from ..names import OWN

DAYS = f"{OWN}/trash-days"
PROJECTS = f"{OWN}/trashed"


class TrashIndex:
    """The notes of one mirror's trash."""

    def __init__(self, storage: IStorage):
        self._storage = storage
        self._lock = threading.Lock()
        #: What was noted by us, so that it is not written again for each file.
        self._noted: set[tuple[str, str]] = set()

    def days(self) -> list[str]:
        """Return the days on which something was put into the trash, newest first."""
        return self._read(DAYS)

    def days_of(self, project: str) -> list[str]:
        """Return the days on which something of a project was, newest first."""
        return self._read(f"{PROJECTS}/{project}")

    def note(self, day: str, project: str) -> None:
        """Note that something of a project is about to be put there."""
        for path, of in ((DAYS, ""), (f"{PROJECTS}/{project}", project)):
            with self._lock:
                if (day, of) not in self._noted:
                    self._write(path, {*self._read(path), day})
                    self._noted.add((day, of))

    def forget(self, day: str, project: str = "") -> None:
        """Note that nothing of a project lies there from that day, or nothing at all."""
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
