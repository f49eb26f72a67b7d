"""Finds the pages in the mirror that this program wrote: those with a serial as the index writers put it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..index import legacy
from ..interfaces import IRunContext, IStorage
from ..names import BROWSE_PAGE, HTML_PAGE, PAGES, normalize


def folders(storage: IStorage) -> dict[str, list[str]]:
    """Return the folders of the mirror by their normalised names, hidden ones left out."""
    found: dict[str, list[str]] = {}
    for folder in storage.listdir(""):
        if folder.endswith("/") and not folder.startswith("."):
            found.setdefault(normalize(folder[:-1]), []).append(folder[:-1])
    return found


def files_below(storage: IStorage, folder: str) -> Iterator[str]:
    """Yield the paths of the files in a folder and in the folders below it, hidden ones left out. Raises StorageError."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        for entry in storage.listdir(folder):
            if entry.endswith("/") and not entry.startswith("."):
                waiting.append(f"{folder}/{entry[:-1]}")
            elif not entry.startswith("."):
                yield f"{folder}/{entry}"


def own_serial(mirror: IRunContext, page: bytes) -> int | None:
    """Return the mirror's serial on a page, or None for a page of another origin."""
    return next((serial for writer in mirror.formats if (serial := writer.serial(page)) is not None), None)


def own_paths(mirror: IRunContext, name: str, spelled: Iterable[str]) -> dict[str, int]:
    """Return the serials of the project pages that this program wrote, by path.

    spelled: folders with another spelling of the name.
    """
    paths = [f"{name}/{page}" for page in PAGES] + [f"{folder}/{HTML_PAGE}" for folder in spelled if folder != name]
    paths += (legacy.path(name), f"{name}/{BROWSE_PAGE}")
    pages = ((path, page) for path in paths if (page := mirror.storage.read(path)) is not None)
    return {path: serial for path, page in pages if (serial := own_serial(mirror, page)) is not None}
