"""Filters on upload times: ``min_age`` with ``min_age_exempt`` and ``min_age_fixes``, and ``uploaded_before``.

HTML pages have no upload times (PEP 700 has them in JSON only). For ``uploaded_before`` such a file counts as old, for
``min_age`` as ``min_age_unknown`` configures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from zope.interface import implementer

from ..advisory import Advisory
from ..interfaces import IExplainedFilter, ISafetyFilter, ISettings, IUploadTimeFilter
from ..metadata.filenames import parse, release
from ..model import File, Project
from ..names import normalize
from ..settings.decisions import ALLOW, Decisions
from ..settings.exemptions import Exemption
from ..settings.units import parse_moment
from .globs import compile_globs


@implementer(IUploadTimeFilter, IExplainedFilter, ISafetyFilter)
class MinAge:
    """Holds back new uploads. Each file counts by its own time: a file added late to an old release is new, too.

    Releases that advisories name as fixes are held back for a shorter time. Metadata of the release never count.
    """

    applies_to_pins = False

    def __init__(self, settings: ISettings, clock: Callable[[], float] | None = None):
        #: Seconds.
        self._age: int = settings["min_age"]
        self._age_of_fixes: int = min(self._age, settings["min_age_fixes"])
        self._holds_unknown = settings["min_age_unknown"] == "hold"
        exempt: tuple[Exemption, ...] = settings["min_age_exempt"]
        names = (each for each in exempt if "==" not in each)
        self._exempt = compile_globs(names, "min_age_exempt", settings.origin("min_age_exempt")).match
        releases = (each.partition("==") for each in exempt if "==" in each)
        self._exempt_releases = frozenset((normalize(name), release(version)) for name, _, version in releases)
        self._decisions: Decisions = settings["decisions"]
        self._clock = clock or time.time
        self.active = self._age > 0
        self.reason = f"uploaded less than {_format_span(self._age)} ago"

    def select(self, project: Project) -> Iterable[File]:
        if self._exempt(project.name):
            return project.files
        now = self._clock()
        return tuple(file for file in project.files if (end := self._hold_end(project, file)) is None or end <= now)

    def next_change(self, project: Project) -> float | None:
        if self._exempt(project.name):
            return None
        now = self._clock()
        return min((end for file in project.files if (end := self._hold_end(project, file)) is not None and end > now),
                   default=None)

    def untimed(self, project: Project) -> int:
        return 0 if self._exempt(project.name) else sum(uploaded(file) is None for file in project.files)

    def why(self, project: Project, file: File) -> str:
        fixed = self._fixed_advisory(project, file)
        if fixed is None:
            return self.reason
        return f"uploaded less than {_format_span(self._age_of_fixes)} ago, a fix of {fixed.id}"

    def _fixed_advisory(self, project: Project, file: File) -> Advisory | None:
        """Return an advisory that names the release of a file as a fix, or None."""
        if not project.advisories:
            return None
        from ..advisories.matching import advisory_fixed_by

        return advisory_fixed_by(parse(file.filename, project.name).version, project.advisories)

    def _is_exempt(self, project: Project, file: File) -> bool:
        """Return whether a key or a decision exempts the release of a file."""
        version = parse(file.filename, project.name).version
        if version and (project.name, release(version)) in self._exempt_releases:
            return True
        return any(each.matches(version) for each in self._decisions.of(ALLOW, project.name))

    def _hold_end(self, project: Project, file: File) -> float | None:
        """Return the time at which the file is old enough, or None if it is not held back."""
        if self._is_exempt(project, file):
            return None
        when = uploaded(file)
        if when is None and not self._holds_unknown:
            return None
        # A file can't be newer than its first appearance: a time in the future is wrong.
        times = [time for time in (when, file.seen) if time is not None]
        if not times:
            return None
        when = min(times)
        return when + (self._age if self._fixed_advisory(project, file) is None else self._age_of_fixes)


@implementer(ISafetyFilter)
class UploadedBefore:
    """Keeps the files that were uploaded before a moment."""

    applies_to_pins = False

    def __init__(self, settings: ISettings):
        moment: str | None = settings["uploaded_before"]
        self.active = bool(moment)
        self.reason = f"not uploaded before {moment}"
        self._moment = _parse_seconds(moment) if moment else None

    def select(self, project: Project) -> Iterable[File]:
        if self._moment is None:
            return project.files
        moment = self._moment
        return tuple(file for file in project.files if (when := uploaded(file)) is None or when < moment)


def uploaded(file: File) -> float | None:
    """Return the upload time in seconds since 1970, or None if upstream has none in ISO 8601."""
    return _parse_seconds(file.upload_time) if file.upload_time else None


def _format_span(seconds: int) -> str:
    """Return a number of seconds in days and hours."""
    days, hours = seconds // 86400, seconds % 86400 // 3600
    return " ".join(f"{number} {unit}" for number, unit in ((days, "days"), (hours, "hours")) if number) or "0 days"


def _parse_seconds(text: str) -> float | None:
    """Return a time in seconds since 1970, or None if it is not in ISO 8601."""
    try:
        return parse_moment(text).timestamp()
    except (ValueError, OverflowError):
        return None
