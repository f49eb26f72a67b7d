"""Downloads one file into the storage: streamed, hashed while it is written, in its place only when whole and right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import FetchError, Rejected
from ..interfaces import IFetcher, IStorage, IUpload
from ..model import Head
from ..names import shown
from .address import bare
from .attempts import Attempts, check

#: Strongest first; the first one that upstream gives and Python knows is checked.
ALGORITHMS = ("sha256", "sha512", "sha384", "sha3_256", "blake2b", "sha224", "sha1", "md5")


class Download(NamedTuple):
    """What came, once it is in its place."""

    sha256: str
    size: int


class _Body:
    """Writes a body to an upload and hashes it on the way (IReceiver)."""

    def __init__(self, upload: IUpload, url: str, hashes: Mapping[str, str], size: int | None, limit: int | None):
        self._upload = upload
        self._url = url
        self._expected = hashes
        self._size = size
        self._limit = limit
        self._algorithm = next((name for name in ALGORITHMS if name in hashes), None)
        self._reset()

    def _reset(self) -> None:
        self.received = 0
        self._sha256 = hashlib.sha256()
        other = self._algorithm not in (None, "sha256")
        self._other: Any = hashlib.new(str(self._algorithm)) if other else None

    def start(self, head: Head) -> None:
        check(head, self._url)
        if self.received:
            self._upload.restart()
            self._reset()

    def write(self, block: bytes) -> None:
        self.received += len(block)
        if self._size is not None and self.received > self._size:
            raise Rejected(f"{bare(self._url)}: longer than the {self._size} bytes that upstream's page says")
        if self._limit is not None and self.received > self._limit:
            raise Rejected(f"{bare(self._url)}: longer than {self._limit} bytes, which is as much as is taken")
        self._sha256.update(block)
        if self._other is not None:
            self._other.update(block)
        self._upload.write(block)

    def finish(self) -> Download:
        """Return what came. Raises Rejected if it is not what upstream's page promised."""
        if self._size is not None and self.received != self._size:
            raise FetchError(bare(self._url), f"{self.received} bytes came where upstream's page says {self._size}",
                             transient=True)
        sha256 = self._sha256.hexdigest()
        if self._algorithm is not None:
            actual = sha256 if self._other is None else self._other.hexdigest()
            expected = self._expected[self._algorithm].lower()
            if actual != expected:
                raise Rejected(f"{bare(self._url)}: its {self._algorithm} is {actual}, upstream's page says {shown(expected)}")
        return Download(sha256, self.received)


def download(fetcher: IFetcher, storage: IStorage, attempts: Attempts, url: str, path: str,
             hashes: Mapping[str, str], size: int | None = None, limit: int | None = None) -> Download:
    """Fetch the URL to a path of the storage.

    hashes: hex digests by algorithm as upstream gives them, maybe none; size: bytes, or None where upstream does not tell;
    limit: bytes at which a body is cut off, or None.
    Raises FetchError if it can't be had, Rejected if it is not what it should be, StorageError.
    """
    if limit is not None and (size or 0) > limit:
        raise Rejected(f"{bare(url)}: its {size} bytes are more than the {limit} that are taken")
    upload = storage.create()
    try:
        body = _Body(upload, url, hashes, size, limit)

        def attempt() -> Download:
            fetcher.fetch(url, body)
            return body.finish()

        done = attempts(attempt)
        upload.commit(path)
        return done
    finally:
        upload.abort()
