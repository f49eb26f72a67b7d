"""A filter whose result changes with time."""

import time

from zope.interface import implementer

from pypimirror.filters.age import uploaded
from pypimirror.interfaces import ITimedFilter


@implementer(ITimedFilter)
class MaxAge:
    """Leaves out files that were uploaded longer ago than ``max_age``."""

    applies_to_pins = False

    def __init__(self, settings):
        self._seconds = settings["max_age"]
        self.active = bool(self._seconds)
        self.reason = "older than max_age"

    def select(self, project):
        now = time.time()
        return [file for file in project.files if self._end(file) > now]

    def next_change(self, project):
        now = time.time()
        ends = [self._end(file) for file in project.files]
        return min((end for end in ends if now < end < float("inf")), default=None)

    def _end(self, file):
        """Return the time at which a file is too old. Files without upload time stay."""
        when = uploaded(file)
        return float("inf") if when is None else when + self._seconds
