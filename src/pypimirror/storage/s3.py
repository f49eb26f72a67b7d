"""Storage in an S3 bucket, of Amazon or of a compatible object store.

Writes of objects are atomic, so small files are written directly to their key. Large ones are uploaded in parts to
``.pypimirror/tmp/``, then copied by the store, which computes the sha256 of the content; ``verify`` reads that instead of
downloading. There are no folders, and listing is expensive: a run lists only what it works on.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, BinaryIO

from zope.interface import implementer

from ..errors import ConfigurationError, StorageError
from ..http.content_types import PLAIN, cache_control, content_type
from ..interfaces import ICopyingStorage, ISettings, IUpload
from ..names import HTML_PAGE, JSON_PAGE, OWN
from .atomic import write
from .bucket import Bucket, NoObject, RequestRefused
from .object_reader import BLOCK, ObjectReader
from .object_upload import MODIFIED, TEMPORARY, ObjectUpload, key

#: Marker: the prefix contains a mirror.
MARK = f"{OWN}/mirror"
#: Marker: a run is at work; if a run finds it, the last one was interrupted.
AT_WORK = f"{OWN}/at-work"
#: Marker: ``.pypimirror/tmp/`` may contain files that a run put there for the next one.
WAITING = f"{OWN}/waiting"
_SECONDS = re.compile(r"\d{1,12}")
#: Names that a new mirror's prefix may contain.
_HARMLESS = frozenset({"robots.txt", "favicon.ico"})


@implementer(ICopyingStorage)
class S3Storage:
    """Objects below a prefix of a bucket."""

    case_insensitive = False
    cheap_listing = False

    def __init__(self, settings: ISettings):
        self._settings = settings
        page = JSON_PAGE if settings["folder_key_format"] == "json" else HTML_PAGE
        self._folder_page = page if settings["folder_keys"] else None

    @cached_property
    def _final(self) -> bool:
        """Whether upstream never replaces a distribution file."""
        from ..settings.index_settings import has_final_files

        return has_final_files(self._settings)

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket of the mirror. Raises ConfigurationError."""
        settings = self._settings
        return Bucket(settings["mirror_file_path"], settings["workers"] + 2, settings["timeout"], settings["retries"])

    # --- preparation

    def check(self) -> None:
        try:
            if self.bucket.head(MARK) is not None:
                return
            names = list(self.bucket.listdir("", 100))
        except RequestRefused as error:
            raise ConfigurationError(f"mirror_file_path = {self.bucket.url}: {str(error).rpartition(': ')[2]}; "
                                     "check the bucket's name, the credentials and their permissions") from error
        if f"{OWN}/" in names:
            return
        strange = [name for name in names if name not in _HARMLESS and not name.startswith(".")]
        if strange:
            raise ConfigurationError(f"{self.bucket.url}: neither empty nor a mirror (it holds {strange[0]!r}); "
                                     "choose another prefix in mirror_file_path")

    def prepare(self) -> None:
        if self.bucket.head(AT_WORK) is not None or self.bucket.head(WAITING) is not None:
            for name in list(self.bucket.listdir(TEMPORARY)):
                self.bucket.delete(TEMPORARY + name)
            for key, upload in self.bucket.unfinished(TEMPORARY):
                self.bucket.abort(key, upload)
            self.bucket.delete(WAITING)
        self._note(AT_WORK, "A run is at work, or was interrupted: the next one clears what it left.\n")
        self._note(MARK, "A mirror of pypimirror.\n")

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

    def modified(self, path: str) -> float | None:
        found = self.bucket.head(key(path))
        if found is None:
            return None
        recorded = found.metadata.get(MODIFIED, "")
        return float(recorded) if _SECONDS.fullmatch(recorded) else found.written

    def read(self, path: str) -> bytes | None:
        try:
            return b"".join(self.bucket.blocks(key(path), BLOCK))
        except NoObject:
            return None

    def open(self, path: str) -> BinaryIO:
        size = self.size(path)
        if size is None:
            raise StorageError(f"{self.bucket.url}{path}: there is no such object")
        return io.BufferedReader(ObjectReader(self.bucket, path, size), BLOCK)

    def digest(self, path: str, algorithm: str = "sha256") -> str | None:
        if algorithm == "sha256":
            found = self.bucket.head(key(path))
            if found is None or found.sha256 is not None:
                return None if found is None else found.sha256
        digest = hashlib.new(algorithm, usedforsecurity=False)
        try:
            for block in self.bucket.blocks(key(path), BLOCK):
                digest.update(block)
        except NoObject:
            return None
        return digest.hexdigest()

    def listdir(self, folder: str) -> list[str]:
        # Some stores repeat folders on each page of a long list.
        return sorted(set(self.bucket.listdir(f"{key(folder)}/" if folder else "")))

    # --- writing

    def create(self) -> IUpload:
        return ObjectUpload(self)

    def link(self, source: str) -> IUpload | None:
        return None

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        write(self, path, blocks)

    def move(self, path: str, target: str) -> None:
        self.duplicate(path, target)
        self.remove(path)

    def duplicate(self, path: str, target: str) -> int:
        found = self.bucket.head(key(path))
        if found is None:
            raise NoObject(f"{self.bucket.url}{path}: there is no such object")
        # The store has the time of the copy for its own.
        self.copy(path, target, {MODIFIED: f"{found.written:.0f}", **found.metadata})
        return found.size

    def remove(self, path: str) -> None:
        # The folder's key first: an interrupted run finds the page itself, and removes both again.
        for one in self.keys(path):
            self.bucket.delete(one)

    def keep_open(self, folder: str) -> AbstractContextManager[None]:
        return nullcontext()

    def flush(self) -> None:
        """Do nothing: objects are durable once the store has answered."""

    # --- for uploads

    def copy(self, source: str, path: str, metadata: dict[str, str]) -> None:
        """Copy an object to a path; replaces an existing one. metadata: the user-defined metadata of the copy."""
        self.mark_pending(path)
        for one in self.keys(path):
            self.bucket.copy(source, one, self.headers(path, metadata))

    def keys(self, path: str) -> list[str]:
        """Return the keys of a path: with ``folder_keys``, a page is also stored under its folder's key, which ends in a slash.

        ``folder_key_format`` chooses which one. For clients and web servers in front of the store without index documents. The
        path itself is last: if it is up to date, so are the others.
        """
        folder, _, name = key(path).rpartition("/")
        twin = f"{folder}/" if folder else ""
        if name != self._folder_page or path.startswith(f"{OWN}/") or not self.bucket.prefix + twin:
            return [path]
        return [twin, path]

    def headers(self, path: str, metadata: dict[str, str]) -> dict[str, Any]:
        """Return the headers and metadata of the object at a path, as keyword arguments of boto3."""
        cache = "no-store" if path.startswith(f"{OWN}/") else cache_control(path, self._final)
        return {"ContentType": content_type(path), "CacheControl": cache, "Metadata": metadata}

    def mark_pending(self, path: str) -> None:
        """Set the marker WAITING for a path in the temporary folder, so that the next run clears it."""
        if path.startswith(TEMPORARY):
            self._note(WAITING, "Something may wait in tmp.\n")
