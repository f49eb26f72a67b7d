"""The JSON report of a run: changes and failures, with reasons and times."""

from __future__ import annotations

import datetime
import json
from typing import Any

from zope.interface import implementer

from .. import __version__
from ..events import ListRead, RunFinished
from ..interfaces import IObserver, ISettings
from ..secret import printable_values
from ..storage.regular_files import check_regular
from .run_summary import RunSummary, replace

#: The version of the report's format. New fields do not change it; a removed or changed field does.
VERSION = 1


@implementer(IObserver)
class JsonReport:
    """Writes ``report_filename``, if it is set, at the end of each run of ``sync``, also of a failed one."""

    def __init__(self, settings: ISettings):
        self._filename = settings["report_filename"]
        self.handles = None if self._filename else ()
        self._outcome = RunSummary()
        if self._filename:
            check_regular(self._filename, "report_filename")

    def notify(self, event: Any) -> None:
        if self._filename and self._outcome.notify(event):
            values = printable_values(run_as_json(self._outcome, event))
            # It names projects and hosts of a site, so that only the user can read a new file.
            replace(self._filename, json.dumps(values, indent=1) + "\n", "report_filename", 0o600)


def run_as_json(outcome: RunSummary, end: RunFinished) -> dict[str, Any]:
    """Return the report as plain values; times are ISO 8601 in UTC, sizes in bytes.

    The documentation has its JSON Schema. Fields are spelled out here, so that a change of an event does not change the report.
    """
    return {
        "report_version": VERSION,
        "program": f"z3c.recipe.pypimirror {__version__}",
        "kind": outcome.kind,
        "mirror": outcome.mirror,
        "started": format_time(outcome.started),
        "runtime": round(end.runtime, 3),
        "status": end.status,
        "held_back": end.held,
        "last_good_run": format_time(end.last_good),
        "upstream": _upstream_as_json(outcome.listed),
        "looked_at": outcome.looked,
        "statistics": end.statistics,
        "filters": [{"filter": each.filter, "seconds": round(each.seconds, 3), "projects": each.projects}
                    for each in end.filters],
        "stored": [{"project": stored.project, "filename": stored.filename, "size": stored.size, "how": stored.how}
                   for stored in outcome.stored],
        "removed_by": [{"filter": each.filter, "files": each.files, "projects": each.projects} for each in outcome.removals],
        "removed": [{"project": removed.project, "filename": removed.filename} for removed in outcome.removed],
        "written": list(outcome.written),
        "failed": [{"project": failure.project, "error": failure.error, "since": format_time(failure.since)}
                   for failure in end.failures],
        "problems": [{"project": problem.project, "message": problem.message, "kind": problem.kind}
                     for problem in outcome.problems],
        "notices": outcome.notices,
        "not_named": dict(outcome.unnamed),
    }


def _upstream_as_json(listed: ListRead | None) -> dict[str, Any] | None:
    """Return the facts about upstream's list, or None if it was not read."""
    if listed is None:
        return None
    return {"total": listed.total, "selected": listed.selected, "unchanged": listed.unchanged}


def format_time(when: float | None) -> str | None:
    """Return a time in seconds since 1970 as ISO text in UTC, with seconds."""
    if when is None:
        return None
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).isoformat(timespec="seconds")
