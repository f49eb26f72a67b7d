"""Collects the results of one run for reports at its end."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from .. import atomic_file, events
from ..errors import StorageError
from ..storage.regular_files import check_regular

#: Maximum number of files of each kind in the lists; the statistics count all.
MOST_NAMED = 10_000
#: The kinds of runs to report: those of ``sync``, and ``import``, which takes its place at a site without a network.
_KINDS = frozenset({"initial", "update", "indexes", "import"})


class RunSummary:
    """The results of one run so far."""

    def __init__(self) -> None:
        self.kind = self.mirror = ""
        self.started = time.time()
        self.listed: events.ListRead | None = None
        self.looked = 0
        self.removals: tuple[events.FilterRemoval, ...] = ()
        self.stored: list[events.FileStored] = []
        self.removed: list[events.FileRemoved] = []
        self.written: dict[str, None] = {}
        self.problems: list[events.Problem] = []
        self.notices: list[str] = []
        #: Number of problems by kind.
        self.kinds: Counter[str] = Counter()
        #: Number of entries that are missing in the lists, by name of the list.
        self.unnamed: Counter[str] = Counter()

    def notify(self, event: Any) -> bool:
        """Collect an event; return whether it is the end of a run to report."""
        if isinstance(event, events.RunStarted):
            self.__init__()  # type: ignore[misc]  # another run
            self.kind, self.mirror = event.kind, event.mirror
        elif isinstance(event, events.ListRead):
            self.listed = event
        elif isinstance(event, events.ProjectEvaluated):
            self.looked += 1
        elif isinstance(event, events.PlanMade):
            self.removals = event.removals
        elif isinstance(event, events.FileStored):
            if event.how not in ("kept", "found"):
                self._add_named("stored", self.stored, event)
        elif isinstance(event, events.FileRemoved):
            self._add_named("removed", self.removed, event)
        elif isinstance(event, events.Problem):
            self._add_named("problems", self.problems, event)
            self.kinds[event.kind] += 1
        elif isinstance(event, events.ProjectPublished):
            if event.written:
                self.written[event.project] = None
        elif isinstance(event, events.Notice):
            self.notices.append(event.message)
        return isinstance(event, events.RunFinished) and self.kind in _KINDS

    def _add_named(self, what: str, kept: list[Any], event: Any) -> None:
        """Add an event to a list, or count it if the list is full."""
        if len(kept) < MOST_NAMED:
            kept.append(event)
        else:
            self.unnamed[what] += 1


def replace(filename: str, text: str, key: str, mode: int) -> None:
    """Write a regular file atomically; an existing one is replaced.

    mode: the permissions of a new file; an existing one keeps its own. Raises StorageError, ConfigurationError.
    """
    check_regular(filename, key)
    try:
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(os.stat(filename).st_mode)
        # The run holds the lock, and the next one clears the temporary file of an interrupted run.
        atomic_file.replace(filename, text.encode("utf-8"), mode & 0o666, f".{os.path.basename(filename)}.new")
    except OSError as error:
        raise StorageError(f"{filename}: can't be written: {error.strerror}") from error
