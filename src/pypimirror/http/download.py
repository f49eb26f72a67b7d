"""Downloads one file into the storage: streamed, hashed while it is written, in its place only when whole and right.

A large body that was cut off goes on where it ended (RFC 9110, 13.1.5 and 14), within the same run; what counts is the hash of
the whole.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from zope.interface import implementer

from ..errors import FetchError, IntegrityError
from ..interfaces import IFetcher, IReceiver, IStorage, IUpload
from ..model import Head
from ..names import shown
from .retry import RetryPolicy, check
from .urls import strip_credentials

#: Strongest first; the first one that upstream gives and Python knows is checked.
ALGORITHMS = ("sha256", "sha512", "sha384", "sha3_256", "blake2b", "sha224", "sha1", "md5")
#: Seconds that one file may take to come, all attempts together.
LONGEST = 6 * 3600.0
#: Bytes from which on a body that was cut off is worth going on with.
WORTH = 1 << 20
#: Bytes of a body that is given back, for those who look into it.
_SMALL = 1 << 18
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)")


class Download(NamedTuple):
    """What came, once it is in its place."""

    sha256: str
    size: int
    #: What was asked for, where it is small and came in one go.
    body: bytes | None = None


class _WrongHash(FetchError):
    """The body is whole, and another one."""


@implementer(IReceiver)
class _Body:
    """Writes a body to an upload and hashes it on the way."""

    def __init__(self, upload: IUpload, url: str, hashes: Mapping[str, str], size: int | None, limit: int | None,
                 room: int | None):
        self._upload = upload
        self._url = url
        self._expected = hashes
        self._size = size
        self._limit = limit
        self._room = room if size is None else None
        self._end = time.monotonic() + LONGEST
        self._algorithm = next((name for name in ALGORITHMS if name in hashes), None)
        #: What tells whether a body is still the same (ETag, Last-Modified), where the server can go on in the middle.
        self._validator: str | None = None
        self._wrong = 0
        self._reset()

    def _reset(self) -> None:
        self.received = 0
        self._joined = False
        self._blocks: list[bytes] = []
        self._sha256 = hashlib.sha256()
        other = self._algorithm not in (None, "sha256")
        self._other: Any = hashlib.new(str(self._algorithm)) if other else None

    def headers(self) -> dict[str, str]:
        """Return the headers of a range request for the rest; empty if little was received or the server can't resume."""
        if self._validator is None or self.received < WORTH:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": self._validator}

    def start(self, head: Head) -> None:
        asked = bool(self.headers())
        if asked and head.status == 416:
            self._validator = None
            raise FetchError(strip_credentials(self._url), "status 416", transient=True)
        check(head, self._url)
        if head.status == 206:
            begin = _RANGE.match(head.headers.get("content-range", ""))
            if not asked or begin is None or int(begin[1]) != self.received:
                self._validator = None
                raise FetchError(strip_credentials(self._url), "another part of it came than was asked for", transient=True)
            self._joined = True
            return
        self._validator = _validator(head, bool(self._expected))
        if self.received:
            self._upload.restart()
            self._reset()

    def write(self, block: bytes) -> None:
        self.received += len(block)
        if time.monotonic() > self._end:
            raise FetchError(strip_credentials(self._url), f"takes longer than {LONGEST / 3600:g} hours")
        if self._room is not None and self.received > self._room:
            raise IntegrityError(f"{strip_credentials(self._url)}: nobody tells its size, and there is no room for more than "
                                 f"{self._room} bytes")
        if self._size is not None and self.received > self._size:
            raise IntegrityError(f"{strip_credentials(self._url)}: longer than the {self._size} bytes that upstream's page "
                                 "says")
        if self._limit is not None and self.received > self._limit:
            raise IntegrityError(f"{strip_credentials(self._url)}: longer than {self._limit} bytes, which is as much as is "
                                 "taken")
        if self.received <= _SMALL:
            self._blocks.append(block)
        self._sha256.update(block)
        if self._other is not None:
            self._other.update(block)
        self._upload.write(block)

    def finish(self) -> Download:
        """Return what came. Raises Rejected if it is not what upstream's page promised, FetchError where asking again may help.

        A wrong hash may be that of a body put together of two, or cut off where nobody could tell: it is asked for once more.
        """
        if self._size is not None and self.received != self._size:
            raise FetchError(strip_credentials(self._url),
                             f"{self.received} bytes came where upstream's page says {self._size}", transient=True)
        sha256 = self._sha256.hexdigest()
        if self._algorithm is not None:
            actual = sha256 if self._other is None else self._other.hexdigest()
            expected = self._expected[self._algorithm].lower()
            if actual != expected:
                self._validator = None
                self._wrong += not self._joined
                raise _WrongHash(strip_credentials(self._url),
                                 f"its {self._algorithm} is {actual}, upstream's page says {shown(expected)}",
                                 transient=self._wrong < 2)
        return Download(sha256, self.received, b"".join(self._blocks) if self.received <= _SMALL else None)


def _validator(head: Head, hashed: bool) -> str | None:
    """Give what a request to go on can name, or None; a date is as good as nothing where no hash tells in the end.

    Nor is a body that is packed on the way, which nobody asked for; but Apache calls all that ends in ``.gz`` encoded.
    """
    etag = head.headers.get("etag", "")
    if head.headers.get("accept-ranges", "").lower() == "none" or ("content-encoding" in head.headers and not hashed):
        return None
    if etag and not etag.startswith("W/"):
        return etag
    return head.headers.get("last-modified") if hashed else None


def download(fetcher: IFetcher, storage: IStorage, attempts: RetryPolicy, url: str, path: str,
             hashes: Mapping[str, str], size: int | None = None, limit: int | None = None, room: int | None = None) -> Download:
    """Fetch the URL to a path of the storage.

    hashes: hex digests by algorithm as upstream gives them, maybe none; size: bytes, or None where upstream does not tell;
    limit: bytes at which a body is cut off, or None; room: bytes that there is room for, where that is to be looked at.
    Raises FetchError if it can't be had, Rejected if it is not what it should be, StorageError.
    """
    if limit is not None and (size or 0) > limit:
        raise IntegrityError(f"{strip_credentials(url)}: its {size} bytes are more than the {limit} that are taken")
    upload = storage.create()
    try:
        body = _Body(upload, url, hashes, size, limit, room)

        def attempt() -> Download:
            fetcher.fetch(url, body, body.headers())
            return body.finish()

        done = attempts(attempt)
        upload.commit(path)
        return done
    except _WrongHash as error:
        raise IntegrityError(str(error)) from error
    finally:
        upload.abort()
