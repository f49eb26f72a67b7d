"""Dates of HTTP."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(64)
def seconds(date: str) -> float | None:
    """Parse a date (RFC 9110, 5.6.7); return seconds since the epoch, or None if it is invalid."""
    from email.utils import parsedate_to_datetime  # not loaded where nothing changed

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError, OSError):
        return None
