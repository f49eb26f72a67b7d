"""Dates as HTTP has them."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from functools import lru_cache


@lru_cache(64)
def seconds(date: str) -> float | None:
    """Read a date (RFC 9110, 5.6.7) as seconds since the epoch; what can't be read is as good as not sent, None."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError, OSError):
        return None
