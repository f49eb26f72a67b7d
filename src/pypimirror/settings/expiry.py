"""Decisions and exemptions that end soon or have ended."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .units import today

if TYPE_CHECKING:
    from ..interfaces import ISettings

#: Days before its end from which an entry is announced.
_SOON = 14


class Expiry(NamedTuple):
    """An entry with an end."""

    #: The key whose value has it.
    key: str
    #: The entry as messages show it.
    entry: str
    #: Its last day, ISO 8601.
    until: str
    has_expired: bool

    def __str__(self) -> str:
        return f"{self.key}: {'expired, and without effect' if self.has_expired else 'expires soon'}: {self.entry}"

    def as_json(self) -> dict[str, Any]:
        """Return the fields as ``status --json`` shows them."""
        return {"key": self.key, "entry": self.entry, "until": self.until, "expired": self.has_expired}


def expiring(settings: ISettings, now: datetime.date | None = None) -> Iterator[Expiry]:
    """Yield the decisions that have expired, then the decisions and exemptions that expire soon."""
    decisions = settings["decisions"]
    for each in decisions.expired:
        yield Expiry("decisions", str(each), each.until, True)
    soon = ((now or today()) + datetime.timedelta(days=_SOON)).isoformat()
    for each in decisions.active:
        if each.until and each.until <= soon:
            yield Expiry("decisions", str(each), each.until, False)
    for exemption in settings["min_age_exempt"]:
        if exemption.until and exemption.until <= soon:
            yield Expiry("min_age_exempt", exemption.described, exemption.until, False)
