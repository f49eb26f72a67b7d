"""Gives up hosts that do not answer: each request has its time limit, but a run has thousands of them."""

from __future__ import annotations

import math
import threading
import time
from typing import NamedTuple

from ..errors import FetchError
from .hosts import Origin, origin
from .urls import strip_credentials


class _Silence(NamedTuple):
    """Requests to one host since its last answer."""

    failures: int
    #: When the first of them was sent (``time.monotonic``).
    since: float


class SilentHosts:
    """Knows which hosts have not answered any request for a while."""

    def __init__(self, seconds: float, failures: int):
        """A host is given up that has not answered for so many seconds, and at least so many requests."""
        self._seconds = seconds
        self._failures = failures
        self._silent: dict[Origin | None, _Silence] = {}
        self._given_up: dict[Origin | None, str] = {}
        self._lock = threading.Lock()

    def check(self, url: str) -> None:
        """Raise FetchError if the host of a URL was given up."""
        if self._given_up and (why := self._given_up.get(_host(url))) is not None:
            # It is worth another attempt, which the next run makes.
            raise FetchError(strip_credentials(url), why, transient=True, retry_after=math.inf)

    def answered(self, url: str) -> None:
        """Note an answer, of any status."""
        if self._silent:
            with self._lock:
                self._silent.pop(_host(url), None)

    def failed(self, url: str, sent: float) -> None:
        """Note a request without an answer. sent: when it was sent."""
        with self._lock:
            host = _host(url)
            if host is None:
                return
            known = self._silent.get(host, _Silence(0, sent))
            self._silent[host] = known = _Silence(known.failures + 1, min(known.since, sent))
            silent = time.monotonic() - known.since
            if known.failures >= self._failures and silent >= self._seconds:
                count = known.failures
                why = f"no answer from this host for {silent:.0f} seconds ({count} requests); this run sends it no more"
                self._given_up.setdefault(host, why)


def _host(url: str) -> Origin | None:
    try:
        return origin(url)
    except ValueError:  # the fetcher refuses it
        return None
