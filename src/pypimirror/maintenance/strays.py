"""Finds strays in the folders of a project: files, folders and symbolic links that no page names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from ..index import legacy
from ..interfaces import IRunContext, IStorage
from ..model import File
from ..names import BROWSE_PAGE, PAGES, PINS, SNAPSHOTS, distribution, is_distribution
from ..settings.reader import in_directory
from ..snapshots.model import DESCRIPTION
from ..storage.failures import storage_errors
from ..sync.own_pages import files_below, own_serial


def stray_files(mirror: IRunContext, name: str, names: Mapping[str, Iterable[str]], files: Iterable[File],
            pages: Iterable[str], published: bool = False) -> list[str]:
    """Return the paths of strays: files that no page lists.

    published: whether the project is published; then any other file in its folder is a stray, because web servers offer all of
    it. Else only distributions, their sidecars and pages of the mirror are. Ignores hidden files and folders.
    """
    known = {*pages}
    for file in files:
        if file.stored is not None:
            known.add(f"{name}/{file.filename}")
            known.update(f"{name}/{file.filename}{suffix}" for suffix in file.stored.beside())
    return [path for folder, found in names.items() for entry in found if not entry.endswith("/")
            and (path := f"{folder}/{entry}") not in known and _is_stray(mirror, path, entry, published)]


def stray_folders(mirror: IRunContext, names: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield the folders in a project's folders that have files or are in the place of one; no interrupted run leaves any."""
    for folder, entries in names.items():
        for path in (f"{folder}/{entry}" for entry in entries if entry.endswith("/")):
            if any(strays_below(mirror, path)) or _is_in_place_of_file(path[len(folder) + 1:-1]):
                yield path


def stray_links(mirror: IRunContext, names: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield the symbolic links in a project's folders, which storages never list, and web servers may follow.

    names: the entries that the storage lists, by folder.
    """
    root = mirror.settings["mirror_file_path"]
    if not in_directory(root):
        return
    for folder, listed in names.items():
        place = os.path.join(root, folder)
        with storage_errors(folder), suppress(FileNotFoundError):
            unlisted = set(os.listdir(place)).difference(name.rstrip("/") for name in listed)
            yield from sorted(f"{folder}/{name}" for name in unlisted
                              if not name.startswith(".") and os.path.islink(os.path.join(place, name)))


def _is_in_place_of_file(name: str) -> bool:
    """Whether a folder has the name of a page, a distribution or a sidecar file."""
    return name in PAGES or name == BROWSE_PAGE or is_distribution(distribution(name))


def strays_below(mirror: IRunContext, folder: str) -> Iterator[str]:
    """Yield the paths of the files in a misplaced folder, except for pages of ``/pypi/NAME/json``.

    folder: its path, with a slash at the end."""
    if folder.split("/")[1].startswith(".") or is_snapshot(mirror.storage, folder):
        return
    for path in files_below(mirror.storage, folder[:-1]):
        parts = path.split("/")
        if path != legacy.path(parts[1]) or own_serial(mirror, mirror.storage.read(path) or b"") is None:
            yield path


def is_snapshot(storage: IStorage, folder: str) -> bool:
    """Return whether a folder is that of a snapshot. folder: its path, with a slash at the end."""
    return folder.startswith(f"{SNAPSHOTS}/") and storage.size(folder + DESCRIPTION) is not None


def _is_stray(mirror: IRunContext, path: str, entry: str, published: bool) -> bool:
    if is_distribution(distribution(entry)):
        return True
    if entry not in PAGES and entry != BROWSE_PAGE:
        return published and not entry.startswith(".") and not (path.startswith(f"{PINS}/") and _is_pin_file(entry))
    return own_serial(mirror, mirror.storage.read(path) or b"") is not None


def _is_pin_file(entry: str) -> bool:
    """Whether a name is that of a pin file, in the folder of a project that is called ``pins``, too."""
    from ..pins.pin_files import is_pin_name  # few mirrors have such a project

    return is_pin_name(entry)
