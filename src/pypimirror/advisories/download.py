"""Downloads an archive of advisories into a file, unless it is unchanged."""

from __future__ import annotations

import time
from typing import IO, NamedTuple

from zope.interface import implementer

from ..errors import FetchError
from ..http.retry import RetryPolicy, check
from ..http.urls import strip_credentials
from ..interfaces import IFetcher, IReceiver
from ..model import Head

#: Limits of an archive in bytes, and of the time for it in seconds. That of PyPI has some 50 MB.
MOST_BYTES, _LONGEST = 2 << 30, 3600.0


class Downloaded(NamedTuple):
    """Result of ``download``."""

    #: For the next request; A placeholder if the server has none.
    validator: str | None
    #: Whether the server answered that the archive is unchanged (304), so that nothing was written.
    unchanged: bool = False


@implementer(IReceiver)
class _ToFile:
    """Writes a body to a file."""

    def __init__(self, url: str, stream: IO[bytes], is_conditional: bool):
        self._url, self._stream, self._is_conditional = strip_credentials(url), stream, is_conditional
        self._end = time.monotonic() + _LONGEST

    def start(self, head: Head) -> None:
        if head.status != 304 or not self._is_conditional:
            check(head, self._url)
        self._stream.seek(0)
        self._stream.truncate()

    def write(self, block: bytes) -> None:
        if self._stream.tell() + len(block) > MOST_BYTES:
            raise FetchError(self._url, f"larger than {MOST_BYTES >> 30} GB")
        if time.monotonic() > self._end:
            raise FetchError(self._url, f"takes longer than {_LONGEST / 3600:g} hours")
        self._stream.write(block)


def download(fetcher: IFetcher, attempts: RetryPolicy, url: str, stream: IO[bytes], validator: str | None) -> Downloaded:
    """Download a URL. validator: of the archive that was imported last, or None. Raises FetchError."""
    name, _, value = (validator or "").partition(" ")
    headers = {{"etag": "If-None-Match", "last-modified": "If-Modified-Since"}[name]: value} if value else {}

    def attempt() -> Downloaded:
        head = fetcher.fetch(url, _ToFile(url, stream, bool(headers)), headers)
        if head.status == 304:
            return Downloaded(validator, unchanged=True)
        found = (f"{key} {head.headers[key]}" for key in ("etag", "last-modified") if key in head.headers)
        return Downloaded(next(found, "unknown"))

    return attempts(attempt)
