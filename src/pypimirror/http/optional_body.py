"""Fetches small files that upstream may not have."""

from __future__ import annotations

from ..errors import FetchError
from ..interfaces import IFetcher
from ..model import Head
from .page import read
from .retry import RetryPolicy, check


def fetch_if_there(fetcher: IFetcher, attempts: RetryPolicy, url: str, limit: int) -> bytes | None:
    """Return the body of a URL, or None if upstream does not have it (404, 410). limit: bytes. Raises FetchError."""

    def attempt() -> tuple[Head, bytes]:
        head, body = read(fetcher, url, {}, limit)
        check(head, url)
        return head, body

    try:
        return attempts(attempt)[1]
    except FetchError as error:
        if error.code in (404, 410):
            return None
        raise
