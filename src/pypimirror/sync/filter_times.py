"""The time that filters take in a run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator

from ..events import FilterTime
from ..interfaces import IFilter, IRunContext
from . import filter_removals

#: A filter of a plugin is slow if it takes so many seconds in a run, and this share of the run.
_SECONDS, _SHARE = 10.0, 0.2


class FilterTimes:
    """The time that each filter took, in all threads and processes together."""

    def __init__(self, mirror: IRunContext):
        self._mirror = mirror
        self._begun = time.monotonic()
        self._seconds: Counter[str] = Counter()
        self._projects: Counter[str] = Counter()

    def add(self, seconds: Iterable[tuple[str, float]]) -> None:
        """Add the times of one project, by name of the filter."""
        for name, taken in seconds:
            self._seconds[name] += taken  # type: ignore[assignment]
            self._projects[name] += 1

    def events(self) -> tuple[FilterTime, ...]:
        """Return the times of all filters, the longest first."""
        return tuple(FilterTime(filter_removals.label(self._mirror, _key(name)), seconds, self._projects[name])
                     for name, seconds in self._seconds.most_common())

    def warnings(self) -> Iterator[str]:
        """Yield a message about each filter of a plugin that slows the run down."""
        runtime = time.monotonic() - self._begun
        plugins = filter_removals.of_plugins(self._mirror)
        for name, seconds in self._seconds.most_common():
            if _key(name) in plugins and is_slow(seconds, runtime):
                yield (f"{filter_removals.label(self._mirror, _key(name))} took {seconds:.1f} s for {self._projects[name]} "
                       f"projects, in a run of {runtime:.1f} s: select may compute, and should not request or read anything")


def is_slow(seconds: float, runtime: float) -> bool:
    """Return whether a filter is slow that took so many seconds of a run."""
    return seconds >= _SECONDS and seconds >= _SHARE * runtime


def _key(name: str) -> str:
    """Return the name of a filter as in ``Change.removed_by``."""
    return f"{IFilter.__name__} {name}"
