"""The JSON report of a run: changes and failures, with reasons and times."""

from __future__ import annotations

import datetime
import json
from typing import Any

from zope.interface import implementer

from .. import __version__
from ..events import RunFinished
from ..interfaces import IObserver, ISettings
from ..secret import printable_values
from ..storage.regular_files import check_regular
from .run_summary import RunSummary, replace


@implementer(IObserver)
class JsonReport:
    """Writes ``report_filename``, if it is set, at the end of each run of ``sync``, also of a failed one."""

    def __init__(self, settings: ISettings):
        self._filename = settings["report_filename"]
        self._outcome = RunSummary()
        if self._filename:
            check_regular(self._filename, "report_filename")

    def notify(self, event: Any) -> None:
        if self._filename and self._outcome.notify(event):
            values = printable_values(report(self._outcome, event))
            # It names projects and hosts of a site, so that only the user can read a new file.
            replace(self._filename, json.dumps(values, indent=1) + "\n", "report_filename", 0o600)


def report(outcome: RunSummary, end: RunFinished) -> dict[str, Any]:
    """Return the report as plain values; times are ISO 8601 in UTC, sizes in bytes."""
    return {
        "program": f"z3c.recipe.pypimirror {__version__}",
        "kind": outcome.kind,
        "mirror": outcome.mirror,
        "started": moment(outcome.started),
        "runtime": round(end.runtime, 3),
        "status": end.status,
        "held_back": end.held,
        "last_good_run": moment(end.last_good),
        "upstream": None if outcome.listed is None else outcome.listed._asdict(),
        "looked_at": outcome.looked,
        "statistics": end.statistics,
        "stored": [stored._asdict() for stored in outcome.stored],
        "removed": [removed._asdict() for removed in outcome.removed],
        "written": list(outcome.written),
        "failed": [failure._asdict() | {"since": moment(failure.since)} for failure in end.failures],
        "problems": [problem._asdict() for problem in outcome.problems],
        "notices": outcome.notices,
        "not_named": dict(outcome.unnamed),
    }


def moment(when: float | None) -> str | None:
    """Return a time in seconds since 1970 as ISO text in UTC, with seconds."""
    if when is None:
        return None
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).isoformat(timespec="seconds")
