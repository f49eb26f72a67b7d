"""Formats byte counts and moments, and parses moments; the present day."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timezone

_FRACTION = re.compile(r"\.(\d+)")


def in_bytes(count: int) -> str:
    """Return a number of bytes with a suitable unit: ``1.4 GB`` (powers of 1000, as for disks and networks)."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def format_moment(seconds: float | str | None) -> str | None:
    """Return a time in seconds since 1970 as ISO 8601 in UTC, with whole seconds; None for an unknown one."""
    return None if seconds is None else datetime.fromtimestamp(float(seconds), timezone.utc).isoformat(timespec="seconds")


def today() -> date:
    """Return the present day in UTC, in which days of settings and decisions are, too."""
    return datetime.fromtimestamp(time.time(), timezone.utc).date()


def parse_moment(text: str) -> datetime:
    """Parse a date, meaning its first instant, or date and time (ISO 8601) to a datetime in UTC; without offset it is UTC.

    Raises ValueError, OverflowError.
    """
    # Python 3.10 supports neither Z nor other than three or six digits of a fraction.
    text = _FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), text)
    when = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "zZ" else text)
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)
