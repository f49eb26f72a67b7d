"""Which releases stay listed for a while after a pin moved away from them."""

import datetime
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..metadata.filenames import release
from .model import Pins, Release


class Retention(NamedTuple):
    #: No longer pinned, but not for long enough to go.
    releases: frozenset[Release]
    #: The last day (ISO 8601) on which each release was pinned: to be remembered for the next run.
    last_pinned: Mapping[Release, str]


def retained(last_pinned: Mapping[Release, str], pins: Pins, today: datetime.date, days: int,
             incomplete: Callable[[str], bool] = lambda name: False) -> Retention:
    """Return what stays.

    Args:
        last_pinned: from the run before.
        days: ``retain_days``; with 0 nothing stays, but for what waits for its successor.
        incomplete: says of a project whether a release that is pinned now is not in the mirror. Then the pin may be mistyped,
            and what was pinned before stays.
    """
    # A later day than today's is from another clock than this one: either may be wrong.
    now = {(name, version): max(today.isoformat(), last_pinned.get((name, version), ""))
           for name, versions in pins.versions.items() for version in versions}
    oldest = (today - datetime.timedelta(days=days)).isoformat()
    # Another spelling of a version that is pinned is no release that a pin moved away from.
    pinned = {(name, release(version)) for name, version in now}
    still = {(name, version): day for (name, version), day in last_pinned.items()
             if (name, release(version)) not in pinned
             and ((days and day >= oldest) or (name in pins.versions and incomplete(name)))}
    return Retention(frozenset(still), {**still, **now})
