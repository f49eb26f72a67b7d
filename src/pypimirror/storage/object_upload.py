"""Uploads to a bucket: by one request while they are small, else in parts."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from ..interfaces import IUpload
from .paths import UNFINISHED, parts

if TYPE_CHECKING:
    from .s3 import S3Storage

#: Bytes of a part, and the buffer of one upload; smaller objects are written by one request. S3 allows 10,000 parts.
PART = 8 << 20
#: The folder of temporary keys, with a trailing slash.
TEMPORARY = f"{UNFINISHED}/"
#: User-defined metadata: the time of modification in seconds since 1970, where it is not that of the object.
MODIFIED = "modified"


def key(path: str) -> str:
    """Return the key of a path, relative to the prefix. Raises StorageError if it would leave the mirror."""
    return "/".join(parts(path))


@implementer(IUpload)
class ObjectUpload:
    """Upload of an object: buffered in memory while it is small, then sent in parts to a temporary key."""

    def __init__(self, store: S3Storage):
        self._store = store
        self._bucket = store.bucket
        self._key = TEMPORARY + uuid.uuid4().hex
        self._reset()

    def _reset(self) -> None:
        self._digest = hashlib.sha256()
        self._held = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        #: Whether an object exists under the temporary key.
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
        """Do nothing: objects are durable once they are written."""

    def restart(self) -> None:
        self.abort()
        self._reset()

    def commit(self, path: str, modified: float | None = None) -> None:
        key(path)
        metadata = {"sha256": self._digest.hexdigest()}
        if modified is not None:
            metadata[MODIFIED] = f"{modified:.0f}"
        if self._upload is None:
            self._store.mark_pending(path)
            for one in self._store.keys(path):
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
