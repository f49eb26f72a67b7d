"""Filters on upload times: ``min_age``, ``min_age_exempt`` and ``uploaded_before``.

HTML pages have no upload times (PEP 700 has them in JSON only). For ``uploaded_before`` such a file counts as old, for
``min_age`` as ``min_age_unknown`` configures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from zope.interface import implementer

from ..interfaces import IFilter, ISettings, IUploadTimeFilter
from ..model import File, Project
from ..settings.units import parse_moment
from .globs import name_globs


@implementer(IUploadTimeFilter)
class MinAge:
    """Holds back new uploads. Each file counts by its own time: a file added late to an old release is new, too."""

    applies_to_pins = False

    def __init__(self, settings: ISettings, clock: Callable[[], float] | None = None):
        #: Seconds.
        self._age: int = settings["min_age"]
        self._holds_unknown = settings["min_age_unknown"] == "hold"
        self._exempt = name_globs(settings, "min_age_exempt").match
        self._clock = clock or time.time
        self.active = self._age > 0
        days, hours = self._age // 86400, self._age % 86400 // 3600
        span = " ".join(f"{number} {unit}" for number, unit in ((days, "days"), (hours, "hours")) if number)
        self.reason = f"uploaded less than {span} ago"

    def select(self, project: Project) -> Iterable[File]:
        if self._exempt(project.name):
            return project.files
        now = self._clock()
        return tuple(file for file in project.files if (end := self._hold_end(file)) is None or end <= now)

    def next_change(self, project: Project) -> float | None:
        if self._exempt(project.name):
            return None
        now = self._clock()
        return min((end for file in project.files if (end := self._hold_end(file)) is not None and end > now), default=None)

    def untimed(self, project: Project) -> int:
        return 0 if self._exempt(project.name) else sum(uploaded(file) is None for file in project.files)

    def _hold_end(self, file: File) -> float | None:
        """Return the time at which the file is old enough, or None if it is not held back."""
        when = uploaded(file)
        if when is None and self._holds_unknown:
            when = file.seen
        return None if when is None else when + self._age


@implementer(IFilter)
class UploadedBefore:
    """Keeps the files that were uploaded before a moment."""

    applies_to_pins = False

    def __init__(self, settings: ISettings):
        moment: str | None = settings["uploaded_before"]
        self.active = bool(moment)
        self.reason = f"not uploaded before {moment}"
        self._moment = _seconds(moment) if moment else None

    def select(self, project: Project) -> Iterable[File]:
        if self._moment is None:
            return project.files
        moment = self._moment
        return tuple(file for file in project.files if (when := uploaded(file)) is None or when < moment)


def uploaded(file: File) -> float | None:
    """Return the upload time in seconds since 1970, or None if upstream has none in ISO 8601."""
    return _seconds(file.upload_time) if file.upload_time else None


def _seconds(text: str) -> float | None:
    try:
        return parse_moment(text).timestamp()
    except (ValueError, OverflowError):
        return None
