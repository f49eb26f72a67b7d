"""Retries: which errors are retried, how often, and after which delay."""

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
#: Maximum seconds for the failures of one project in a run, delays included; those of concurrent downloads add up.
PATIENCE = 900.0
#: Statuses of transient errors.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Maximum Retry-After in seconds; if it is longer, the next run retries.
_LONGEST_WAIT = 120.0
#: Maximum digits of a number of seconds; a longer one counts as infinite.
_MOST_DIGITS = 9
#: Maximum seconds between two attempts without Retry-After, and of the random delay that is added.
_LONGEST_BACKOFF = 30.0
_JITTER = 0.5


def check(head: Head, url: str) -> None:
    """Raise FetchError unless the status is 200. Not for responses to range or conditional requests (206, 304)."""
    if head.status == 200:
        return
    raise FetchError(strip_credentials(url), f"status {head.status}", transient=head.status in PASSING,
                     retry_after=_retry_after(head.headers), code=head.status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the delay of a Retry-After header in seconds, in either form (RFC 9110, 10.2.3), or None."""
    value = headers.get("retry-after")
    if value is None:
        return None
    if value.isdecimal() and len(value) > _MOST_DIGITS:
        return math.inf
    from urllib3.exceptions import InvalidHeader
    from urllib3.util.retry import Retry

    try:
        return Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError, TypeError):  # an invalid date, such as one in the year 99999
        return None


class RetryPolicy:
    """Repeats a function until it succeeds, fails permanently or exceeds the retries, which urllib3's Retry counts."""

    def __init__(self, retries: int, patience: float | None = None):
        """patience: maximum seconds for all failures together, or None for no limit."""
        self._retries = retries
        self._left = patience
        self._last: FetchError | None = None
        self._lock = threading.Lock()

    def bounded(self) -> RetryPolicy:
        """Return a policy for one project, with the same number of retries and a limit on the time for its failures."""
        return RetryPolicy(self._retries, PATIENCE)

    def __call__(self, attempt: Callable[[], T]) -> T:
        """Return the result of the first successful attempt. Raises the last FetchError."""
        policy = None
        while True:
            started = time.monotonic()
            if self._left is not None and self._left <= 0 and self._last is not None:
                raise FetchError(self._last.url, f"{self._last.why}; this run sends no more requests for this project",
                                 transient=True)
            try:
                return attempt()
            except FetchError as error:
                self._spend(time.monotonic() - started, error)
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
                # urllib3 1 has neither backoff_max nor backoff_jitter.
                pause = min(policy.get_backoff_time(), _LONGEST_BACKOFF) + random.uniform(0, _JITTER)
                pause = max(error.retry_after or 0, pause)
                self._spend(pause, error)
                sleep(pause)

    def _spend(self, seconds: float, error: FetchError) -> None:
        if self._left is not None and error.transient:
            with self._lock:
                self._left -= seconds
                self._last = error
