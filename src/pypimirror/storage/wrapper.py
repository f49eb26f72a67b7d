"""A base class for storages that add something to another one, such as a log of changes or a copy elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from zope.interface import implementer

from ..interfaces import IReservingUpload, IStorage, IUpload
from .atomic import write


@implementer(IStorage)
class StorageWrapper:
    """Passes every call to another storage.

    All new content becomes visible with the ``commit`` of an upload, which calls ``committed``: distribution files, sidecar
    files, pages and pin files, also those of ``write`` and ``link``. ``move`` and ``remove`` are the only other changes.
    """

    def __init__(self, wrapped: IStorage):
        self.wrapped = wrapped

    def committed(self, path: str) -> None:
        """Called after a new or changed file is visible at a path. Does nothing; derived classes override it."""

    def check(self) -> None:
        self.wrapped.check()

    def prepare(self) -> None:
        self.wrapped.prepare()

    def finish(self) -> None:
        self.wrapped.finish()

    def create(self) -> IUpload:
        upload = self.wrapped.create()
        return (_ReservingUpload if IReservingUpload.providedBy(upload) else _Upload)(upload, self.committed)

    def link(self, source: str) -> IUpload | None:
        upload = self.wrapped.link(source)
        return None if upload is None else _Upload(upload, self.committed)

    def size(self, path: str) -> int | None:
        return self.wrapped.size(path)

    def modified(self, path: str) -> float | None:
        return self.wrapped.modified(path)

    def read(self, path: str) -> bytes | None:
        return self.wrapped.read(path)

    def open(self, path: str) -> BinaryIO:
        return self.wrapped.open(path)

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        write(self, path, blocks)

    def digest(self, path: str, algorithm: str = "sha256") -> str | None:
        return self.wrapped.digest(path, algorithm)

    def move(self, path: str, target: str) -> None:
        self.wrapped.move(path, target)

    def remove(self, path: str) -> None:
        self.wrapped.remove(path)

    def keep_open(self, folder: str) -> AbstractContextManager[None]:
        return self.wrapped.keep_open(folder)

    def flush(self) -> None:
        self.wrapped.flush()

    @property
    def case_insensitive(self) -> bool:
        return self.wrapped.case_insensitive

    @property
    def cheap_listing(self) -> bool:
        return self.wrapped.cheap_listing

    def listdir(self, folder: str) -> list[str]:
        return self.wrapped.listdir(folder)

    def free(self) -> int | None:
        return self.wrapped.free()

    def close(self) -> None:
        self.wrapped.close()


@implementer(IUpload)
class _Upload:
    """An upload of the wrapped storage that reports its commit."""

    def __init__(self, wrapped: Any, committed: Callable[[str], None]):
        """wrapped: an IUpload, or an IReservingUpload."""
        self._wrapped = wrapped
        self._committed = committed

    def write(self, block: bytes) -> None:
        self._wrapped.write(block)

    def restart(self) -> None:
        self._wrapped.restart()

    def stage(self) -> None:
        self._wrapped.stage()

    def commit(self, path: str, modified: float | None = None) -> None:
        self._wrapped.commit(path, modified)
        self._committed(path)

    def abort(self) -> None:
        self._wrapped.abort()


@implementer(IReservingUpload)
class _ReservingUpload(_Upload):
    """The same for an upload that can reserve space."""

    def reserve(self, size: int) -> None:
        self._wrapped.reserve(size)

    def pending(self) -> int:
        return int(self._wrapped.pending())
