"""Cached fragments of pages about all projects, so that such a page is not rendered from every record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from ..model import Entry


class Sections:
    """Fragments by project and page. A trigger deletes those of a project whenever its record is saved."""

    def __init__(self, database: sqlite3.Connection):
        self._database = database

    def lacking(self, page: str) -> list[str]:
        """Return the names of the published projects without a fragment for a page, in order."""
        rows = self._database.execute(
            "SELECT name FROM projects WHERE serial > 0 AND NOT EXISTS "
            "(SELECT 1 FROM sections WHERE sections.name = projects.name AND page = ?) ORDER BY name", (page,))
        return [name for name, in rows]

    def keep(self, page: str, sections: Iterable[tuple[str, bytes]]) -> None:
        """Save fragments of a page, by project."""
        self._database.executemany("REPLACE INTO sections VALUES (?, ?, ?)", ((name, page, text) for name, text in sections))

    def of(self, name: str) -> dict[str, bytes]:
        """Return the fragments of a project, by page."""
        return dict(self._database.execute("SELECT page, section FROM sections WHERE name = ?", (name,)))

    def drop(self, name: str) -> None:
        """Delete the fragments of a project."""
        self._database.execute("DELETE FROM sections WHERE name = ?", (name,))

    def clear(self) -> None:
        """Delete all fragments."""
        self._database.execute("DELETE FROM sections")

    def entries(self, page: str) -> Iterator[Entry]:
        """Yield the published projects with a fragment for a page, in order of names."""
        rows = self._database.execute(
            "SELECT name, display, serial, files, section FROM projects JOIN sections USING (name) "
            "WHERE serial > 0 AND page = ? ORDER BY name", (page,))
        return (Entry(*row) for row in rows)
