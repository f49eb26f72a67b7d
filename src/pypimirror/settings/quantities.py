"""Converters of quantities: sizes, limits, durations, moments, shares. See ``converters`` for what a converter is."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .units import parse_moment

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_DURATION = re.compile(r"P?(?:(\d+)W)?(?:(\d+)D)?(?:T?(\d+)H)?", re.IGNORECASE)
#: Words of ``confirm_above`` that turn the question off.
_NEVER = frozenset({"never", "no", "none", "off", "false"})


class Quantity(int):
    """A number of bytes or seconds, which is shown as it was written, with its unit."""

    text: str

    def __new__(cls, number: int, text: str) -> Quantity:
        made = super().__new__(cls, number)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> Any:
        return Quantity, (int(self), self.text)


def size(value: str, folder: str) -> int:
    """A size in bytes, with ``K``, ``M``, ``G`` or ``T`` for powers of 1024."""
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError("a size such as 500M or 1G")
    return Quantity(int(float(match[1]) * _UNITS[match[2].upper()]), value)


class FetchLimit(NamedTuple):
    """The size of a first fetch that needs a confirmation; None for no limit."""

    bytes: int | None
    projects: int | None
    #: As it was written.
    text: str


def fetch_limit(value: str, folder: str) -> FetchLimit:
    """A size such as ``10G``, a number of projects such as ``5000 projects``, or both; or ``never``."""
    words = value.lower().split()
    numbers = [word for word in words if word not in ("projects", "or", "and")]
    if words == numbers and len(words) == 1 and words[0] in _NEVER:
        return FetchLimit(None, None, value)
    projects = [int(word.replace(",", "")) for word in numbers if re.fullmatch(r"\d{1,3}(?:,\d{3})+|\d{1,9}", word)]
    sizes = [int(size(word, folder)) for word in numbers if word[-1:].isalpha() and _SIZE.fullmatch(word)]
    if not numbers or len(projects) > 1 or len(sizes) > 1 or len(projects) + len(sizes) < len(numbers):
        raise ValueError("a size, a number of projects or both, such as 10G 5000 projects, or never")
    return FetchLimit(sizes[0] if sizes else None, projects[0] if projects else None, " ".join(value.split()))


def duration(value: str, folder: str) -> int:
    """A span of time in seconds: days, or weeks, days and hours such as ``2w``, ``7d``, ``1d12h``, ``P7D``, ``PT12H``."""
    match = _DURATION.fullmatch(f"{value}d" if value.isdecimal() else value)
    if match is None or not any(match.groups()):
        raise ValueError("a number of days, or a duration such as 7d, P7D or 12h")
    weeks, days, hours = (int(number or 0) for number in match.groups())
    if weeks * 7 + days + hours / 24 > 36500:
        raise ValueError("at most a hundred years")
    return Quantity(((weeks * 7 + days) * 24 + hours) * 3600, value)


def moment(value: str, folder: str) -> str:
    """An ISO 8601 date, which means its start, or date and time, by default in UTC. Returned in UTC."""
    try:
        when = parse_moment(value)
    except (ValueError, OverflowError) as error:
        raise ValueError("an ISO date such as 2025-01-31 or 2025-01-31T12:00:00Z") from error
    return when.isoformat().replace("+00:00", "Z")


def share(value: str, folder: str) -> float:
    """A share of the whole: ``10%``."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", value)
    if match is None or float(match[1]) > 100:
        raise ValueError("a percentage from 0% to 100%")
    return float(match[1]) / 100
