"""Downloads one file into the storage: streams and hashes it, and moves it into place only if it is complete and correct.

Resumes a large download that was cut off (RFC 9110, 13.1.5 and 14) within the same run; the hash of the whole file decides.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zope.interface import implementer

from ..errors import FetchError, IntegrityError
from ..interfaces import IFetcher, IReceiver, IStorage, IUpload
from ..model import Head
from ..names import shown
from .dates import seconds
from .retry import RetryPolicy, check
from .urls import strip_credentials

#: Hash algorithms, strongest first. A download is checked with each for which upstream has a digest, since the mirror's page
#: repeats them all; a file that is there already, with the first of these.
ALGORITHMS = ("sha256", "sha512", "sha384", "sha3_256", "blake2b", "sha224", "sha1", "md5")
#: Nearly all pages have only this one.
_SHA256, _ONLY_SHA256 = {"sha256"}, ["sha256"]
#: Maximum seconds for the download of one file, all attempts together.
LONGEST = 6 * 3600.0
#: Minimum number of received bytes for a range request to be worth it.
WORTH = 1 << 20
#: Maximum size of a body that ``Download`` includes.
_SMALL = 1 << 18
#: A Content-Length, bounded.
_LENGTH = re.compile("[0-9]{1,18}")
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)")


class Download(NamedTuple):
    """Result of ``download``."""

    sha256: str
    size: int
    #: The content of a small file, else None.
    body: bytes | None = None
    #: Last-Modified of the response in seconds since 1970, if it was recorded with the file.
    modified: float | None = None


#: Called with an upload and the bytes of its whole content, or as many as are known to come: reserves the space for them.
#: Raises InsufficientSpace.
Admit = Callable[[IUpload, int], None]
#: Bytes reserved at a time for a body of unknown size.
_STEP = 1 << 20


class _WrongHash(FetchError):
    """The body is complete, but its hash is wrong."""


@implementer(IReceiver)
class _Body:
    """Writes a body to an upload and hashes it."""

    def __init__(self, upload: IUpload, url: str, hashes: Mapping[str, str], size: int | None, limit: int | None,
                 admit: Admit | None):
        self._upload = upload
        self._url = url
        self._expected = hashes
        self._size = size
        self._limit = limit
        self._admit = admit
        #: Bytes of the content for which space is reserved.
        self._admitted = 0
        self._end = time.monotonic() + LONGEST
        self._algorithms = _ONLY_SHA256 if hashes.keys() == _SHA256 else [name for name in ALGORITHMS if name in hashes]
        #: Head of the response that the body began with, and whether range requests can continue it.
        self._head: Head | None = None
        self._can_resume = False
        self._wrong = 0
        self._reset()

    def _reset(self) -> None:
        self.received = 0
        self._joined = False
        #: The blocks of a small body, which is hashed and written as a whole; None once it is not small any more.
        self._blocks: list[bytes] | None = []
        self._sha256 = hashlib.sha256()
        self._others: dict[str, Any] = {
            name: hashlib.new(name, usedforsecurity=False) for name in self._algorithms if name != "sha256"}

    def admit(self, size: int) -> None:
        """Reserve space for the content. Raises InsufficientSpace."""
        if self._admit is not None and size > self._admitted:
            self._admit(self._upload, size)
            self._admitted = size

    def headers(self) -> dict[str, str]:
        """Return the headers of a range request for the rest; empty if little was received or the server can't resume."""
        if self.received < WORTH or not self._can_resume or self._head is None:
            return {}
        validator = _validator(self._head, bool(self._expected))
        return {} if validator is None else {"Range": f"bytes={self.received}-", "If-Range": validator}

    def start(self, head: Head) -> None:
        asked = bool(self.headers())
        if asked and head.status == 416:
            self._can_resume = False
            raise FetchError(strip_credentials(self._url), "status 416", transient=True)
        if head.status == 206:
            begin = _RANGE.match(head.headers.get("content-range", ""))
            if not asked or begin is None or int(begin[1]) != self.received:
                self._can_resume = False
                raise FetchError(strip_credentials(self._url), "server sent a different byte range", transient=True)
            self._joined = True
            return
        check(head, self._url)
        self._head, self._can_resume = head, True
        if self.received:
            self._upload.restart()
            self._reset()
        if self._size is None:
            length = head.headers.get("content-length", "")
            self.admit(int(length) if _LENGTH.fullmatch(length) else _STEP)

    def write(self, block: bytes) -> None:
        self.received += len(block)
        if time.monotonic() > self._end:
            raise FetchError(strip_credentials(self._url), f"takes longer than {LONGEST / 3600:g} hours")
        if self.received > self._admitted and self._size is None:
            self.admit(self.received + _STEP)
        if self._size is not None and self.received > self._size:
            raise IntegrityError(f"{strip_credentials(self._url)}: longer than the {self._size} bytes on upstream's page")
        if self._limit is not None and self.received > self._limit:
            raise IntegrityError(f"{strip_credentials(self._url)}: longer than {self._limit:d} bytes, the size limit")
        if self._blocks is None:
            self._pass_on(block)
            return
        self._blocks.append(block)
        if self.received > _SMALL:
            self._pass_on(b"".join(self._blocks))
            self._blocks = None

    def _pass_on(self, content: bytes) -> None:
        """Hash content, and write it to the upload."""
        self._sha256.update(content)
        for digest in self._others.values():
            digest.update(content)
        self._upload.write(content)

    def finish(self) -> Download:
        """Check size and hash, and return the result. Raises FetchError.

        A wrong hash is retried once: the body may be of two versions, or cut off by a server that sent no length.
        """
        if self._size is not None and self.received != self._size:
            raise FetchError(strip_credentials(self._url),
                             f"received {self.received} bytes, upstream's page has {self._size}", transient=True)
        content = None
        if self._blocks is not None:
            content = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
            self._pass_on(content)
        sha256 = self._sha256.hexdigest()
        for algorithm in self._algorithms:
            actual = sha256 if algorithm == "sha256" else self._others[algorithm].hexdigest()
            expected = self._expected[algorithm].lower()
            if actual != expected:
                self._can_resume = False
                self._wrong += not self._joined
                raise _WrongHash(strip_credentials(self._url),
                                 f"its {algorithm} is {actual}, upstream's page has {shown(expected)}",
                                 transient=self._wrong < 2)
        return Download(sha256, self.received, content)

    def modified(self, after: float) -> float | None:
        """Return the valid Last-Modified of the response in seconds since 1970, or None. after: times up to it are invalid."""
        text = self._head.headers.get("last-modified") if self._head is not None else None
        when = seconds(text) if text else None
        return when if when is not None and max(after, -1.0) < when <= time.time() else None


def _validator(head: Head, hashed: bool) -> str | None:
    """Return the validator for a range request, or None if the rest of the body can't be requested safely.

    Without a hash to check the result, Last-Modified is too weak, and a body with a Content-Encoding is not resumed. With one,
    it is: Apache marks every file that ends in ``.gz`` as encoded.
    """
    etag = head.headers.get("etag", "")
    if head.headers.get("accept-ranges", "").lower() == "none" or ("content-encoding" in head.headers and not hashed):
        return None
    if etag and not etag.startswith("W/"):
        return etag
    return head.headers.get("last-modified") if hashed else None


def download(fetcher: IFetcher, storage: IStorage, attempts: RetryPolicy, url: str, path: str,
             hashes: Mapping[str, str], size: int | None = None, limit: int | None = None,
             admit: Admit | None = None, after: float | None = None) -> Download:
    """Download a URL to a path of the storage.

    hashes: upstream's hex digests by algorithm, may be empty; size: bytes, or None if upstream does not list it;
    limit: maximum size in bytes, or None; admit: reserves disk space, or None for a file that is small in any case;
    after: seconds since 1970; a Last-Modified of the response after it becomes the file's time of modification; None for the
    present time in any case.
    Raises FetchError if the download fails, IntegrityError if size or hash are wrong, InsufficientSpace, StorageError.
    """
    if limit is not None and (size or 0) > limit:
        raise IntegrityError(f"{strip_credentials(url)}: its size of {size} bytes is over the limit of {limit}")
    upload = storage.create()
    try:
        body = _Body(upload, url, hashes, size, limit, admit)
        body.admit(size or 0)

        def attempt() -> Download:
            fetcher.fetch(url, body, body.headers())
            return body.finish()

        done = attempts(attempt)
        modified = None if after is None else body.modified(after)
        upload.commit(path, modified)
        return done if modified is None else done._replace(modified=modified)
    except _WrongHash as error:
        raise IntegrityError(str(error)) from error
    finally:
        upload.abort()
