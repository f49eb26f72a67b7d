"""Guards expiry dates against clock jumps."""

from __future__ import annotations

import datetime
import time

from ..state.database import State
from ..state.meta_keys import LAST_RUN

#: Seconds; if the last run seems to be longer ago, the clock is doubted for one run.
_LONG = 366 * 86400
#: Seconds; smaller corrections of the clock are not a jump.
_SLIGHT = 3600


def today(state: State) -> datetime.date:
    """Return the day, in UTC, that expiry is computed from: after a jump the day of the last run, else today.

    The next run trusts the clock.
    """
    last, now = _last_run(state), time.time()
    return day(last if last is not None and now - last > _LONG else now)


def jump(state: State) -> str | None:
    """Return a message if the clock has jumped since the last run, or None."""
    last, now = _last_run(state), time.time()
    if last is None:
        return None
    if now - last > _LONG:
        return f"clock jump: last run {day(last)}; expiry postponed to the next run"
    if is_set_back(state):
        return f"clock set back: last run {day(last)}, in the future; all projects are evaluated again"
    return None


def is_set_back(state: State) -> bool:
    """Whether the clock has been set back since the last run."""
    last = _last_run(state)
    return last is not None and last > time.time() + _SLIGHT


def day(when: float) -> datetime.date:
    """Return the day, in UTC, of a time in seconds since 1970."""
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).date()


def _last_run(state: State) -> float | None:
    last = state.fact(LAST_RUN)
    return None if last is None else float(last)
