"""Retention: releases stay listed for some days after they are no longer pinned."""

import datetime
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..metadata.filenames import release
from .model import Pins, Release


class Retention(NamedTuple):
    """Result of ``retained``."""

    #: Releases that are no longer pinned and stay.
    releases: frozenset[Release]
    #: The last day (ISO 8601) on which each release was pinned: an argument of the next run.
    last_pinned: Mapping[Release, str]


def retained(last_pinned: Mapping[Release, str], pins: Pins, today: datetime.date, days: int,
             incomplete: Callable[[str], bool] = lambda name: False) -> Retention:
    """Select the releases that stay.

    Args:
        last_pinned: from the previous run.
        days: ``retain_days``; with 0 only releases of ``incomplete`` projects stay.
        incomplete: returns whether a pinned release of a project is not in the mirror. The pin may be mistyped, so that the
            releases that were pinned before stay.
    """
    # A day after today was recorded with another clock. Either may be wrong: the later day counts.
    now = {(name, version): max(today.isoformat(), last_pinned.get((name, version), ""))
           for name, versions in pins.versions.items() for version in versions}
    oldest = (today - datetime.timedelta(days=days)).isoformat()
    # Other spellings of a pinned version are pinned, too.
    pinned = {(name, release(version)) for name, version in now}
    still = {(name, version): day for (name, version), day in last_pinned.items()
             if (name, release(version)) not in pinned
             and ((days and day >= oldest) or (name in pins.versions and incomplete(name)))}
    return Retention(frozenset(still), {**still, **now})
