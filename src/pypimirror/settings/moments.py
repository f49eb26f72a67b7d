"""Moments in ISO 8601, in settings and on upstream's pages."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_FRACTION = re.compile(r"\.(\d+)")


def parse_moment(text: str) -> datetime:
    """Return a date, meaning its first instant, or date and time as a UTC datetime; without offset it is UTC.

    Raises ValueError, OverflowError.
    """
    # Python 3.10 supports neither Z nor other than three or six digits of a fraction.
    text = _FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), text)
    when = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "zZ" else text)
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)
