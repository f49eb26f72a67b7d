"""Which of the pages that lie in a mirror are ours: those that carry a serial as our writers put it there."""

from __future__ import annotations

from collections.abc import Iterable

from ..index import legacy
from ..interfaces import IRunContext, IStorage
from ..names import HTML_PAGE, PAGES, normalize


def folders(storage: IStorage) -> dict[str, list[str]]:
    """Give the folders of the mirror, hidden ones left out, by the normalised form of their names."""
    found: dict[str, list[str]] = {}
    for folder in storage.listdir(""):
        if folder.endswith("/") and not folder.startswith("."):
            found.setdefault(normalize(folder[:-1]), []).append(folder[:-1])
    return found


def own_serial(mirror: IRunContext, page: bytes) -> int | None:
    """Return our own serial that a page carries, or None for one that is not ours."""
    return next((serial for writer in mirror.formats if (serial := writer.serial(page)) is not None), None)


def own_paths(mirror: IRunContext, name: str, spelled: Iterable[str]) -> dict[str, int]:
    """Give the serials of our pages about a project that lie in the mirror, by path.

    spelled: folders that mean the same project, its own among them or not.
    """
    paths = [f"{name}/{page}" for page in PAGES] + [f"{folder}/{HTML_PAGE}" for folder in spelled if folder != name]
    paths.append(legacy.path(name))
    pages = ((path, page) for path in paths if (page := mirror.storage.read(path)) is not None)
    return {path: serial for path, page in pages if (serial := own_serial(mirror, page)) is not None}
