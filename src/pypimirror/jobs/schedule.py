"""Parses cron's five fields and its words such as ``@daily`` (crontab(5)).

Stricter than some implementations of cron, which accept obvious mistakes, such as a step larger than its range.
"""

import re
from typing import NamedTuple


class Field(NamedTuple):
    """One of the five fields: its name and valid values."""

    name: str
    first: int
    last: int
    #: Words for numbers, from ``first`` on.
    words: tuple[str, ...] = ()


_FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    # 0 and 7 are both Sunday.
    Field("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_WORDS = {"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
          "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *"}
_REBOOT = "@reboot"
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_DAY = 24 * 60


class Schedule(NamedTuple):
    """The times of a job; all sets are empty for a job that runs once after each boot."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    #: From 0, Sunday.
    weekdays: frozenset[int] = frozenset()
    #: Whether days and weekdays are alternatives: cron's rule if neither field starts with ``*``.
    either: bool = False

    @property
    def shortest(self) -> int:
        """The shortest interval between two runs in minutes, at most a day."""
        times = sorted(hour * 60 + minute for hour in self.hours for minute in self.minutes)
        if not times:
            return _DAY
        return min(later - earlier for earlier, later in zip(times, [*times[1:], times[0] + _DAY], strict=True))

    @property
    def triggers(self) -> tuple[str, ...]:
        """The equivalent lines of a systemd timer (systemd.time(7))."""
        if not self.minutes:
            return ("OnStartupSec=1min",)
        days, weekdays = _format_values(self.days, _FIELDS[2]), ",".join(_WEEKDAYS[day] for day in sorted(self.weekdays))
        weekdays = "" if len(self.weekdays) == len(_WEEKDAYS) else f"{weekdays} "
        chosen = [(weekdays, "*"), ("", days)] if self.either else [(weekdays, days)]
        months = _format_values(self.months, _FIELDS[3])
        time = f"{_format_values(self.hours, _FIELDS[1])}:{_format_values(self.minutes, _FIELDS[0])}:00"
        return tuple(f"OnCalendar={of_week}*-{months}-{of_month} {time}" for of_week, of_month in chosen)


def parse(text: str, folder: str = "") -> Schedule:
    """Parse five fields or a word such as ``@daily``; the converter of ``cron-times``. Raises ValueError."""
    word = text.lower()
    if word == _REBOOT:
        return Schedule()
    fields = _WORDS.get(word, text).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"five fields, or one of {' '.join(sorted({*_WORDS, _REBOOT}))}")
    minutes, hours, days, months, weekdays = (_parse_field(one, field) for one, field in zip(fields, _FIELDS, strict=True))
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not either and all(day > _LONGEST_MONTHS[month - 1] for day in days for month in months):
        raise ValueError(f"a date that exists: none of the months {fields[3]} has a day {fields[2]}")
    return Schedule(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)


def _parse_field(text: str, field: Field) -> frozenset[int]:
    """Parse one field: a list of numbers, ranges and steps."""
    found: set[int] = set()
    for item in text.split(","):
        match = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", item)
        if match is None:
            raise ValueError(f"valid in each field: the {field.name} {text!r} is not a number, range or step")
        if match[1] == "*":
            first, last = field.first, field.last
        else:
            first = _parse_number(match[2], field)
            last = first if match[3] is None else _parse_number(match[3], field)
        step = 1 if match[4] is None else int(match[4])
        if last < first:
            raise ValueError(f"valid in each field: the {field.name} {item!r} ends before it starts")
        if match[4] is not None and (last == first or not 1 <= step <= last - first):
            raise ValueError(f"valid in each field: the {field.name} {item!r} has a step that exceeds its range")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _parse_number(text: str, field: Field) -> int:
    if text.lower() in field.words:
        return field.first + field.words.index(text.lower())
    if not re.fullmatch(r"[0-9]{1,2}", text) or not field.first <= int(text) <= field.last:
        raise ValueError(f"valid in each field: the {field.name} {text!r} is not {field.first} to {field.last}"
                         + (f" or {field.words[0]} to {field.words[-1]}" if field.words else ""))
    return int(text)


def _format_values(values: frozenset[int], field: Field) -> str:
    everything = frozenset(range(field.first, field.last + 1))
    return "*" if values == everything else ",".join(f"{value:02}" for value in sorted(values))
