"""The mirror in an object store that speaks S3: Amazon's, and all that are compatible with it.

An object is there whole or not at all, so that small files are written straight to their place. A large one goes in parts to
``.pypimirror/tmp/`` and is copied to its place by the store, which so computes the sha256 of the whole; ``verify`` asks for
that instead of downloading. There are no folders: nothing is listed but what a run works on.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, BinaryIO

from zope.interface import implementer

from ..errors import ConfigurationError, StorageError
from ..http.content_types import PLAIN, cache_control, content_type
from ..interfaces import ISettings, IStorage, IUpload
from ..names import OWN
from .atomic import write
from .bucket import Bucket, NoObject, RequestRefused
from .paths import UNFINISHED, parts

#: Bytes of a part, and what one upload holds in memory; a smaller object is written at once. S3 takes 10,000 parts.
PART = 8 << 20
#: Bytes read at once.
_BLOCK = 1 << 20
_TMP = f"{UNFINISHED}/"
#: Says that what lies there is a mirror.
MARK = f"{OWN}/mirror"
#: There while a run is at work: if a run finds it, the one before was cut off.
AT_WORK = f"{OWN}/at-work"
#: There as long as something may wait in ``.pypimirror/tmp/`` for the next run.
WAITING = f"{OWN}/waiting"
_PAGE = "index.html"
#: What may lie in a place that is to become a mirror.
_HARMLESS = frozenset({"robots.txt", "favicon.ico"})


@implementer(IStorage)
class S3Storage:
    """Objects below a prefix of a bucket."""

    case_insensitive = False
    cheap_listing = False

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._folder_keys = settings["folder_keys"]

    @cached_property
    def _final(self) -> bool:
        """Whether upstream never replaces a distribution file."""
        from ..settings.index_settings import has_final_files

        return has_final_files(self._settings)

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket. Raises ConfigurationError where the settings name none."""
        settings = self._settings
        return Bucket(settings["mirror_file_path"], settings["workers"] + 2, settings["timeout"], settings["retries"])

    # --- the place

    def check(self) -> None:
        try:
            if self.bucket.head(MARK) is not None:
                return
            names = list(self.bucket.listdir("", 100))
        except RequestRefused as error:
            raise ConfigurationError(f"mirror_file_path = {self.bucket.url}: {str(error).rpartition(': ')[2]}; "
                                     "look at the bucket's name, the credentials and their rights") from error
        if f"{OWN}/" in names:
            return
        strange = [name for name in names if name not in _HARMLESS and not name.startswith(".")]
        if strange:
            raise ConfigurationError(f"{self.bucket.url}: neither empty nor a mirror (it holds {strange[0]!r}); "
                                     "choose another prefix in mirror_file_path")

    def prepare(self) -> None:
        if self.bucket.head(AT_WORK) is not None or self.bucket.head(WAITING) is not None:
            for name in list(self.bucket.listdir(_TMP)):
                self.bucket.delete(_TMP + name)
            for key, upload in self.bucket.unfinished(_TMP):
                self.bucket.abort(key, upload)
            self.bucket.delete(WAITING)
        self._note(AT_WORK, "A run is at work, or was cut off: the next one clears what it left.\n")
        self._note(MARK, "What lies here is a mirror of pypimirror's.\n")

    def finish(self) -> None:
        self.bucket.delete(AT_WORK)

    def _note(self, key: str, text: str) -> None:
        body = text.encode()
        self.bucket.put(key, body, hashlib.sha256(body).digest(), {"ContentType": PLAIN})

    def close(self) -> None:
        self.bucket.close()

    def free(self) -> int | None:
        return None

    # --- reading

    def size(self, path: str) -> int | None:
        found = self.bucket.head(key(path))
        return None if found is None else found.size

    def read(self, path: str) -> bytes | None:
        try:
            return b"".join(self.bucket.blocks(key(path), _BLOCK))
        except NoObject:
            return None

    def open(self, path: str) -> BinaryIO:
        size = self.size(path)
        if size is None:
            raise StorageError(f"{self.bucket.url}{path}: there is no such object")
        return io.BufferedReader(_Ranges(self.bucket, path, size), _BLOCK)

    def digest(self, path: str, algorithm: str = "sha256") -> str | None:
        if algorithm == "sha256":
            found = self.bucket.head(key(path))
            if found is None or found.sha256 is not None:
                return None if found is None else found.sha256
        digest = hashlib.new(algorithm, usedforsecurity=False)
        try:
            for block in self.bucket.blocks(key(path), _BLOCK):
                digest.update(block)
        except NoObject:
            return None
        return digest.hexdigest()

    def listdir(self, folder: str) -> list[str]:
        # Some stores tell a folder again on each page of a long list.
        return sorted(set(self.bucket.listdir(f"{key(folder)}/" if folder else "")))

    # --- writing

    def create(self) -> IUpload:
        return ObjectUpload(self)

    def link(self, source: str) -> IUpload | None:
        return None

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        write(self, path, blocks)

    def move(self, path: str, target: str) -> None:
        found = self.bucket.head(key(path))
        if found is None:
            raise StorageError(f"{self.bucket.url}{path}: there is no such object")
        self.copy(path, target, dict(found.metadata))
        self.remove(path)

    def remove(self, path: str) -> None:
        # Under the folder's key first: while the page itself is there, a run that was cut off comes back to it.
        for one in self.places(path):
            self.bucket.delete(one)

    def keep_open(self, folder: str) -> AbstractContextManager[None]:
        return nullcontext()

    def flush(self) -> None:
        """Nothing to wait for: what a store has answered for outlives power cuts."""

    # --- for uploads

    def copy(self, source: str, path: str, metadata: dict[str, str]) -> None:
        """Copy an object to a path, over what may lie there. metadata: what is put there with it."""
        self.told_waiting(path)
        for one in self.places(path):
            self.bucket.copy(source, one, self.headers(path, metadata))

    def places(self, path: str) -> list[str]:
        """Give the keys that a path is to have: a page lies also under the key of its folder, which ends in a slash.

        That is for web fronts that resolve no index document. The path itself comes last: if it is right, all are.
        """
        folder, _, name = key(path).rpartition("/")
        twin = f"{folder}/" if folder else ""
        if name != _PAGE or not self._folder_keys or path.startswith(f"{OWN}/") or not self.bucket.prefix + twin:
            return [path]
        return [twin, path]

    def headers(self, path: str, metadata: dict[str, str]) -> dict[str, Any]:
        """Return what clients and caches are told of the object at a path, in boto3's words."""
        cache = "no-store" if path.startswith(f"{OWN}/") else cache_control(path, self._final)
        return {"ContentType": content_type(path), "CacheControl": cache, "Metadata": metadata}

    def told_waiting(self, path: str) -> None:
        """Take note that something is put where the next run has to clear."""
        if path.startswith(_TMP):
            self._note(WAITING, "Something may wait in tmp.\n")


def key(path: str) -> str:
    """Give the key of a path, below the prefix. Raises StorageError for one that would leave the mirror."""
    return "/".join(parts(path))


@implementer(IUpload)
class ObjectUpload:
    """An object on its way: in memory as long as it is small, then in parts to a key of its own."""

    def __init__(self, store: S3Storage):
        self._store = store
        self._bucket = store.bucket
        self._key = _TMP + uuid.uuid4().hex
        self._forget()

    def _forget(self) -> None:
        self._digest = hashlib.sha256()
        self._held = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        #: Whether an object lies under our key.
        self._whole = False

    def write(self, block: bytes) -> None:
        self._digest.update(block)
        self._held += block
        while len(self._held) > PART:
            self._send(PART)

    def _send(self, size: int) -> None:
        if self._upload is None:
            self._upload = self._bucket.begin(self._key, {"ContentType": "application/octet-stream"})
        with memoryview(self._held) as held:
            part = bytes(held[:size])
        del self._held[:size]
        self._parts.append(self._bucket.part(self._key, self._upload, len(self._parts) + 1, part))

    def stage(self) -> None:
        """There is nothing to do: what is put under its key is safe at once."""

    def restart(self) -> None:
        self.abort()
        self._forget()

    def commit(self, path: str) -> None:
        key(path)
        metadata = {"sha256": self._digest.hexdigest()}
        if self._upload is None:
            self._store.told_waiting(path)
            for one in self._store.places(path):
                self._bucket.put(one, bytes(self._held), self._digest.digest(), self._store.headers(path, metadata))
        else:
            self._send(len(self._held))
            self._bucket.complete(self._key, self._upload, self._parts)
            self._upload, self._whole = None, True
            self._store.copy(self._key, path, metadata)
        self.abort()

    def abort(self) -> None:
        self._held = bytearray()
        if self._upload is not None:
            upload, self._upload = self._upload, None
            self._bucket.abort(self._key, upload)
        if self._whole:
            self._whole = False
            self._bucket.delete(self._key)


class _Ranges(io.RawIOBase):
    """An object that is read piece by piece, for readers that jump about in archives."""

    def __init__(self, bucket: Bucket, path: str, size: int):
        self._bucket, self._path, self._size, self._place = bucket, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        body = b"".join(self._bucket.blocks(self._path, _BLOCK, f"bytes={self._place}-{end - 1}"))
        buffer[:len(body)] = body
        self._place += len(body)
        return len(body)
