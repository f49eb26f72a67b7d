"""Reads a page whole into memory, within bounds."""

import time
from collections.abc import Mapping

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver
from ..model import Head
from .urls import strip_credentials

#: Seconds that a page may take to come.
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
    """Return head and body of a page, compressed on the way where the server can.

    limit: bytes, after decompression. Raises FetchError.
    """
    page = _Page(url, limit)
    head = fetcher.fetch(url, page, {"Accept-Encoding": "gzip, deflate", **headers})
    return head, page.body()
