"""Sends a request and reads the body only if the head of the response requires it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver
from ..model import Head
from .retry import check
from .urls import strip_credentials


class _Enough(Exception):
    """Ends a transfer whose body is not wanted."""

    def __init__(self, head: Head):
        super().__init__()
        self.head = head


@implementer(IReceiver)
class _Glance:
    """Keeps the body if it is wanted."""

    def __init__(self, url: str, wanted: Callable[[Head], bool], most: int, longest: float, is_conditional: bool):
        self._url = url
        self._wanted = wanted
        self._is_conditional = is_conditional
        self._most = most
        self._end = time.monotonic() + longest
        self._size = 0
        self.blocks: list[bytes] = []

    def start(self, head: Head) -> None:
        if head.status == 304 and self._is_conditional:
            return
        check(head, self._url)
        if not self._wanted(head):
            raise _Enough(head)

    def write(self, block: bytes) -> None:
        self._size += len(block)
        if self._size > self._most:
            raise FetchError(strip_credentials(self._url), f"the page is larger than {self._most} bytes")
        if time.monotonic() > self._end:
            raise FetchError(strip_credentials(self._url), "the page takes too long to come")
        self.blocks.append(block)


def glance(fetcher: IFetcher, url: str, wanted: Callable[[Head], bool], headers: Mapping[str, str] | None = None,
           most: int = 4 << 20, longest: float = 60) -> tuple[Head, bytes | None]:
    """Return the head of the response, and the body if ``wanted`` is true for the head.

    Sends GET, not HEAD, which many servers answer differently or not at all.
    headers: further request headers; most: maximum bytes of the body; longest: maximum seconds for the transfer.
    Raises FetchError, also for every status but 200, and 304 if there are further request headers.
    """
    receiver = _Glance(url, wanted, most, longest, bool(headers))
    try:
        head = fetcher.fetch(url, receiver, headers)
    except _Enough as enough:
        return enough.head, None
    return head, b"".join(receiver.blocks)
