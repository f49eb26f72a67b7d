"""What the pages about all projects say of each: kept, so that one of them is not made anew from every record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from ..model import Entry


class Sections:
    """By project and path of the page. The database drops what is out of date: it does so whenever a record is saved."""

    def __init__(self, database: sqlite3.Connection):
        self._database = database

    def lacking(self, page: str) -> list[str]:
        """Return the names of the published projects of which nothing is kept for a page, in order."""
        rows = self._database.execute(
            "SELECT name FROM projects WHERE serial > 0 AND NOT EXISTS "
            "(SELECT 1 FROM sections WHERE sections.name = projects.name AND page = ?) ORDER BY name", (page,))
        return [name for name, in rows]

    def keep(self, page: str, sections: Iterable[tuple[str, bytes]]) -> None:
        """Keep sections of a page, by project."""
        self._database.executemany("REPLACE INTO sections VALUES (?, ?, ?)", ((name, page, text) for name, text in sections))

    def of(self, name: str) -> dict[str, bytes]:
        """Return what is kept of a project, by page."""
        return dict(self._database.execute("SELECT page, section FROM sections WHERE name = ?", (name,)))

    def drop(self, name: str) -> None:
        """Keep nothing of a project."""
        self._database.execute("DELETE FROM sections WHERE name = ?", (name,))

    def clear(self) -> None:
        """Keep nothing."""
        self._database.execute("DELETE FROM sections")

    def entries(self, page: str) -> Iterator[Entry]:
        """Yield the published projects of which something is kept for a page, in order of names."""
        rows = self._database.execute(
            "SELECT name, display, serial, files, section FROM projects JOIN sections USING (name) "
            "WHERE serial > 0 AND page = ? ORDER BY name", (page,))
        return (Entry(*row) for row in rows)
