"""Reads a page into memory, with limits on size and time."""

import time
from collections.abc import Mapping

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver
from ..model import Head
from .urls import strip_credentials

#: Maximum seconds for the transfer of a page.
LONGEST = 600.0


@implementer(IReceiver)
class _Page:
    """Collects a body of limited size."""

    def __init__(self, url: str, limit: int):
        self._url = url
        self._limit = limit
        self._blocks: list[bytes] = []
        self._size = 0
        self._end = 0.0

    def start(self, head: Head) -> None:
        self._blocks.clear()
        self._size = 0
        self._end = time.monotonic() + LONGEST

    def write(self, block: bytes) -> None:
        self._size += len(block)
        if time.monotonic() > self._end:
            raise FetchError(strip_credentials(self._url), "the page takes too long to come", transient=True)
        if self._size > self._limit:
            raise FetchError(strip_credentials(self._url), f"the page is larger than {self._limit} bytes")
        self._blocks.append(block)

    def body(self) -> bytes:
        return b"".join(self._blocks)


def read(fetcher: IFetcher, url: str, headers: Mapping[str, str], limit: int) -> tuple[Head, bytes]:
    """Request a page, compressed if the server supports it; return head and body.

    limit: bytes, after decompression. Raises FetchError.
    """
    page = _Page(url, limit)
    head = fetcher.fetch(url, page, {"Accept-Encoding": "gzip, deflate", **headers})
    return head, page.body()
