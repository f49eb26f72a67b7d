"""Asking again: how often, and how long to wait in between."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from ..errors import FetchError
from ..model import Head
from .cooperation import sleep
from .urls import strip_credentials

T = TypeVar("T")
#: Seconds that failures of one project may take in one run, waits included; files are worked on side by side, and each counts.
PATIENCE = 900.0
#: Statuses that may be others the next time.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Seconds; a server that asks for more is asked again by the next run.
_LONGEST_WAIT = 120.0
#: Digits of a number of seconds that is worth reading.
_MOST_DIGITS = 9
#: Seconds between two attempts where the server asks for nothing, at most; and how much chance may add.
_LONGEST_BACKOFF = 30.0
_JITTER = 0.5


def check(head: Head, url: str) -> None:
    """Raise FetchError unless the status is 200 or 206."""
    if head.status in (200, 206):
        return
    raise FetchError(strip_credentials(url), f"status {head.status}", transient=head.status in PASSING,
                     retry_after=_retry_after(head.headers), code=head.status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, in either form (RFC 9110, 10.2.3), or None."""
    value = headers.get("retry-after")
    if value is None:
        return None
    if value.isdecimal() and len(value) > _MOST_DIGITS:
        return math.inf
    from urllib3.exceptions import InvalidHeader
    from urllib3.util.retry import Retry

    try:
        return Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError, TypeError):  # a date of another calendar, such as the year 99999
        return None


class RetryPolicy:
    """Runs an attempt until it succeeds, fails for good, or has been tried often enough (urllib3's Retry counts and waits)."""

    def __init__(self, retries: int, patience: float | None = None):
        """patience: seconds that failures may take in all before nothing is asked any more, or None for no bound."""
        self._retries = retries
        self._left = patience
        self._last: FetchError | None = None
        self._lock = threading.Lock()

    def bounded(self) -> RetryPolicy:
        """Give attempts for one project: so many, and a bound on the time that its failures may take in all."""
        return RetryPolicy(self._retries, PATIENCE)

    def __call__(self, attempt: Callable[[], T]) -> T:
        """Return what the attempt returns. Raises the last FetchError."""
        policy = None
        while True:
            started = time.monotonic()
            if self._left is not None and self._left <= 0 and self._last is not None:
                raise FetchError(self._last.url, f"{self._last.why}; no more is asked for this project in this run",
                                 transient=True)
            try:
                return attempt()
            except FetchError as error:
                self._spent(time.monotonic() - started, error)
                if not error.transient or (error.retry_after or 0) > _LONGEST_WAIT:
                    raise
                import random

                from urllib3.exceptions import MaxRetryError
                from urllib3.util.retry import Retry

                policy = policy or Retry(total=self._retries, backoff_factor=0.5)
                try:
                    policy = policy.increment("GET", error.url, error=error)
                except MaxRetryError:
                    raise error from None
                # urllib3 1 knows neither an upper bound of its own nor chance.
                pause = min(policy.get_backoff_time(), _LONGEST_BACKOFF) + random.uniform(0, _JITTER)
                pause = max(error.retry_after or 0, pause)
                self._spent(pause, error)
                sleep(pause)

    def _spent(self, seconds: float, error: FetchError) -> None:
        if self._left is not None and error.transient:
            with self._lock:
                self._left -= seconds
                self._last = error
