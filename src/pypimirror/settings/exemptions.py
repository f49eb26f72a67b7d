"""Exemptions: patterns or releases in a key, each line with an optional end date and reason."""

from __future__ import annotations

import datetime
import re
from typing import Any

from .converters import lines
from .units import today

_LINE = re.compile(r"(.*?)(?:\s+until\s+(\S+))?(?:\s+because\s+(.*))?")


class Exemption(str):
    """A pattern of names, or ``name==version``."""

    #: The last day, ISO 8601, and the reason; both may be empty.
    until: str
    why: str

    def __new__(cls, text: str, until: str = "", why: str = "") -> Exemption:
        made = super().__new__(cls, text)
        made.until, made.why = until, why
        return made

    @property
    def described(self) -> str:
        """The entry with its end and reason."""
        return str(self) + (f" until {self.until}" if self.until else "") + (f": {self.why}" if self.why else "")

    def __reduce__(self) -> Any:
        return Exemption, (str(self), self.until, self.why)


def exemptions(value: str, folder: str) -> tuple[Exemption, ...]:
    """Lines of names or ``name==version``, separated by white space, with ``until DATE`` and ``because REASON`` at the end.

    Lines whose day has passed are left out.
    """
    present = today().isoformat()
    found = []
    for line in lines(value, folder):
        match = _LINE.fullmatch(line)
        assert match is not None, line
        words, until, why = match[1].split(), match[2] or "", match[3] or ""
        try:
            day = datetime.date.fromisoformat(until).isoformat() if until else ""
        except ValueError as error:
            raise ValueError(f"lines that end in until DATE, such as until 2026-12-31, not {until!r}") from error
        if not words or words[0] in ("until", "because"):
            raise ValueError("lines that begin with a name")
        if not day or day >= present:
            found += [Exemption(word, day, why) for word in words]
    return tuple(found)
