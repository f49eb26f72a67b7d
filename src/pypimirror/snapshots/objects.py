"""The snapshots of a mirror in an object store.

The store copies the files of a snapshot; there are no hard links. A promoted name has pages only, whose links lead to the files
of the snapshot that it shows: each page changes in one step, and always to one whose files are there.

The description is the last object of a new snapshot and the first one that ``delete`` removes. A snapshot without one is
unfinished, and the next change deletes it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, StorageError
from ..interfaces import ICopyingStorage
from ..names import HTML_PAGE, JSON_PAGE, OWN, PAGES, SNAPSHOTS
from .model import DESCRIPTION, INDEX, Snapshot, check_name, check_target, decode, folder, listed, no_snapshot, now

if TYPE_CHECKING:
    from .places import FileCopy

#: Marks of promotions under way: a JSON list of the snapshots that pages of the promoted name may lead to.
_UNDER_WAY = f"{OWN}/promotions"
_MOST_THREADS = 16
_LINK = re.compile(rb'(?<=<a href=")[^"]+(?=")')


class ObjectSnapshots:
    """Implements ``places.Snapshots``."""

    def __init__(self, storage: ICopyingStorage, workers: int):
        self._storage = storage
        self._workers = min(workers, _MOST_THREADS)

    def names(self) -> list[str]:
        return [name for name in self._folders(SNAPSHOTS) if self._storage.size(f"{folder(name)}/{DESCRIPTION}") is not None]

    def _folders(self, path: str) -> list[str]:
        return [name[:-1] for name in self._storage.listdir(path) if name.endswith("/")]

    def all(self) -> list[Snapshot]:
        return [self.get(name) for name in self.names()]

    def exists(self, name: str) -> bool:
        return self._storage.size(f"{folder(name)}/{DESCRIPTION}") is not None

    def get(self, name: str) -> Snapshot:
        content = self._storage.read(f"{folder(check_name(name))}/{DESCRIPTION}")
        if content is None:
            raise no_snapshot(name)
        return decode(content, name)

    def files(self, name: str) -> Iterator[tuple[str, str]]:
        index = f"{folder(name)}/{INDEX}"
        for project in self._folders(index):
            path = f"{index}/{project}/{JSON_PAGE}"
            page = self._storage.read(path)
            if page is not None:
                yield from ((f"{project}/{filename}", sha256) for filename, sha256 in listed(page, path))

    def writing(self, name: str) -> ObjectWriter:
        self._clear_unfinished()
        return ObjectWriter(self._storage, name, self._workers)

    # --- promotion

    def promote(self, name: str, target: str) -> Snapshot:
        """Show a snapshot under another name: page by page, so that meanwhile a client sees old and new pages."""
        snapshot = self.get(name)
        check_target(self, name, target)
        self._clear_unfinished()
        shown = snapshot.promoted or name
        promoted = snapshot._replace(name=target, promoted=shown, promoted_at=now())
        in_use = {shown, *self._in_use(target)}
        self._storage.write(f"{_UNDER_WAY}/{target}", (json.dumps(sorted(in_use)).encode(),))
        source, place = f"{folder(shown)}/{INDEX}", f"{folder(target)}/{INDEX}"
        projects = self._folders(source)
        self._run_for_each(lambda project: self._promote_project(source, place, project), projects)
        for page in PAGES:
            self._storage.write(f"{place}/{page}", (self._page(f"{source}/{page}"),))
        self._storage.write(f"{folder(target)}/{DESCRIPTION}", (promoted.encode(),))
        for project in sorted(set(self._folders(place)) - set(projects)):
            self._remove_below(f"{place}/{project}")
        self._storage.remove(f"{_UNDER_WAY}/{target}")
        return promoted

    def _promote_project(self, source: str, place: str, project: str) -> None:
        prefix = posixpath.relpath(f"{source}/{project}", f"{place}/{project}")
        for page in PAGES:
            content = self._storage.read(f"{source}/{project}/{page}")
            if content is not None:
                made = _linked_html(content, prefix) if page == HTML_PAGE else _linked_json(content, prefix)
                self._storage.write(f"{place}/{project}/{page}", (made,))
            else:
                self._storage.remove(f"{place}/{project}/{page}")

    def _page(self, path: str) -> bytes:
        content = self._storage.read(path)
        if content is None:
            raise StorageError(f"{path}: missing; delete this snapshot, and create it again")
        return content

    def _in_use(self, target: str) -> set[str]:
        """Return the snapshots that the pages of a promoted name may lead to."""
        under_way = self._storage.read(f"{_UNDER_WAY}/{target}")
        found = set(json.loads(under_way)) if under_way is not None else set()
        return found | ({self.get(target).promoted} - {""} if self.exists(target) else set())

    # --- deletion

    def delete(self, name: str) -> Snapshot:
        """Delete a snapshot. Raises ConfigurationError for one that is promoted: pages of that name lead to its files."""
        snapshot = self.get(name)
        targets = {*self._storage.listdir(_UNDER_WAY), *(one.name for one in self.all() if one.promoted)}
        users = sorted(target for target in targets if name in self._in_use(target))
        if users:
            raise ConfigurationError(f"{name!r} is promoted to {', '.join(users)}; promote another snapshot to that name, or "
                                     f"delete {users[0]} first")
        self._remove_snapshot(name)
        self._clear_unfinished()
        return snapshot

    def _clear_unfinished(self) -> None:
        """Delete what an interrupted change has left. One that had replaced pages of a promoted name is to be repeated."""
        for name in set(self._folders(SNAPSHOTS)) - set(self.names()):
            if not self._storage.listdir(f"{folder(name)}/{INDEX}"):
                continue  # the folder of a project that is called snapshots
            self._remove_snapshot(name)
        for target in self._storage.listdir(_UNDER_WAY):
            if not self._storage.listdir(folder(target)):
                self._storage.remove(f"{_UNDER_WAY}/{target}")

    def _remove_snapshot(self, name: str) -> None:
        index = f"{folder(name)}/{INDEX}"
        self._storage.remove(f"{folder(name)}/{DESCRIPTION}")
        for page in PAGES:
            self._storage.remove(f"{index}/{page}")
        self._run_for_each(lambda project: self._remove_below(f"{index}/{project}"), self._folders(index))

    def _remove_below(self, place: str) -> None:
        """Remove the objects of a project: pages first."""
        for name in sorted(self._storage.listdir(place), key=lambda name: (name not in PAGES, name)):
            self._storage.remove(f"{place}/{name}")

    # --- verification

    def faults(self, name: str) -> Iterator[tuple[str, str]]:
        base = f"{folder(name)}/{INDEX}"
        if self._storage.size(f"{base}/{HTML_PAGE}") is None:
            yield f"{base}/{HTML_PAGE}", "the page is missing"
        place = f"{folder(self.get(name).promoted or name)}/{INDEX}"
        try:
            files = list(self.files(name))
        except StorageError as error:
            yield base, str(error)
            return
        for path, sha256 in files:
            found = self._storage.digest(f"{place}/{path}")
            if found is None:
                yield f"{place}/{path}", "missing"
            elif found != sha256:
                yield f"{place}/{path}", f"damaged: its sha256 is {found}, expected {sha256}"

    def repair(self, name: str) -> None:
        place = f"{folder(self.get(name).promoted or name)}/{INDEX}"
        for path, sha256 in list(self.files(name)):
            if self._storage.digest(f"{place}/{path}") != sha256 and self._storage.digest(path) == sha256:
                self._storage.duplicate(path, f"{place}/{path}")

    def _run_for_each(self, function: Callable[[str], None], names: Iterable[str]) -> None:
        with ThreadPoolExecutor(self._workers) as pool:
            for _ in pool.map(function, names):
                pass


class ObjectWriter:
    """Implements ``places.SnapshotWriter``: several projects at once."""

    def __init__(self, storage: ICopyingStorage, name: str, workers: int):
        self._storage, self._folder = storage, folder(name)
        self._index = f"{self._folder}/{INDEX}"
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers)
        self._pending: deque[Future[None]] = deque()

    def project(self, name: str, files: Iterable[FileCopy], pages: Iterable[tuple[str, bytes]]) -> None:
        self._pending.append(self._pool.submit(self._write_project, name, list(files), list(pages)))
        if len(self._pending) > 2 * self._workers:
            self._pending.popleft().result()

    def _write_project(self, name: str, files: Iterable[FileCopy], pages: Iterable[tuple[str, bytes]]) -> None:
        for file in files:
            path = f"{name}/{file.filename}"
            try:
                found = self._storage.duplicate(path, f"{self._index}/{path}")
            except StorageError as error:
                raise StorageError(f"{path}: can't be copied; run verify --repair first: {error}") from error
            if found != file.size:
                raise StorageError(f"{path}: has {found} bytes, expected {file.size}; run verify --repair first")
            for suffix in file.suffixes:
                self._storage.duplicate(path + suffix, f"{self._index}/{path}{suffix}")
        for path, page in pages:
            self._storage.write(f"{self._index}/{path}", (page,))

    def finish(self, pages: Iterable[tuple[str, Iterable[bytes]]], snapshot: Snapshot) -> None:
        while self._pending:
            self._pending.popleft().result()
        for path, blocks in pages:
            self._storage.write(f"{self._index}/{path}", blocks)
        self._storage.write(f"{self._folder}/{DESCRIPTION}", (snapshot.encode(),))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _linked_html(page: bytes, prefix: str) -> bytes:
    """Return a project's page with links that begin in another folder."""
    return _LINK.sub(lambda link: posixpath.normpath(f"{prefix}/{link[0].decode()}").encode(), page)


def _linked_json(page: bytes, prefix: str) -> bytes:
    values: dict[str, Any] = json.loads(page)
    for file in values["files"]:
        for key in ("url", "provenance"):
            if isinstance(file.get(key), str):
                file[key] = f"{prefix}/{file[key]}"
    return json.dumps(values, separators=(",", ":")).encode()
