"""Figures of the last run in Prometheus' text format, for the textfile collector of its node exporter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from .. import __version__
from ..events import RunFinished
from ..interfaces import IObserver, ISettings
from ..secret import printable
from ..storage.regular_files import check_regular
from .run_summary import RunSummary, replace

#: The kinds of ``events.Problem`` that are failures.
FAILURES = ("failed", "not found", "invalid", "full")
_FIGURES = {
    "trash_files": "Removed files in the trash.",
    "trash_bytes": "Bytes of the files in the trash.",
    "quarantined_projects": "Projects in the mirror that are quarantined upstream.",
    "retained_releases": "Releases that are no longer pinned and still listed.",
    "expiring_exceptions": "Decisions and exemptions that have expired or expire within 14 days.",
}


@implementer(IObserver)
class Metrics:
    """Writes ``metrics_filename``, if it is set, at the end of each run of ``sync``, also of a failed one."""

    def __init__(self, settings: ISettings):
        self._filename = settings["metrics_filename"]
        self.handles = None if self._filename else ()
        self._outcome = RunSummary()
        if self._filename:
            check_regular(self._filename, "metrics_filename")

    def notify(self, event: Any) -> None:
        if self._filename and self._outcome.notify(event):
            replace(self._filename, "".join(render_lines(self._outcome, event)), "metrics_filename", 0o644)


def render_lines(outcome: RunSummary, end: RunFinished) -> Iterator[str]:
    """Yield the lines of the file."""
    mirror = printable(outcome.mirror).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    def metric(name: str, help: str, values: dict[str, float | None]) -> Iterator[str]:
        known = {label: value for label, value in values.items() if value is not None}
        if known:
            yield f"# HELP pypimirror_{name} {help}\n# TYPE pypimirror_{name} gauge\n"
        for label, value in known.items():
            yield f'pypimirror_{name}{{mirror="{mirror}"{label}}} {value:.15g}\n'

    yield from metric("build_info", "The version that wrote this file.", {f',version="{__version__}"': 1})
    yield from metric("last_run_timestamp_seconds", "When the last run began.", {"": outcome.started})
    yield from metric("last_good_run_timestamp_seconds", "When the last run without failures began.", {"": end.last_good})
    yield from metric("last_run_duration_seconds", "How long the last run took.", {"": end.runtime})
    yield from metric("last_run_status", "Exit status of the last run: 0 is good.", {"": end.status})
    counts = {name.replace(" ", "_"): count for name, count in end.statistics.items()}
    yield from metric("last_run_fetched_bytes", "Bytes that the last run downloaded.", {"": counts.pop("bytes", 0)})
    yield from metric("last_run_results", "Projects, files and failures of the last run by result.", {
        f',result="{name}"': count for name, count in counts.items()})
    yield from metric("last_run_failures", "Failures of the last run by kind.", {
        f',kind="{kind.replace(" ", "_")}"': outcome.kinds[kind] for kind in FAILURES})
    yield from metric("brake_engaged", "Whether the safety brake held removals back in the last run.", {"": bool(end.held)})
    yield from metric("failed_projects", "Projects that failed and will be tried again.", {
        "": sum(bool(failure.project) for failure in end.failures)})
    if end.totals is not None:
        yield from metric("projects", "Projects in the mirror.", {"": end.totals.projects})
        yield from metric("files", "Files in the mirror.", {"": end.totals.files})
        yield from metric("bytes", "Bytes of the files in the mirror.", {"": end.totals.bytes})
        yield from metric("yanked_files", "Files in the mirror that are yanked.", {"": end.totals.yanked})
        yield from metric("hidden_yanked_files", "Files left out because they are yanked.", {"": end.totals.hidden})
    for name, help in _FIGURES.items():
        yield from metric(name, help, {"": end.figures.get(name)})
    yield from metric("free_bytes", "Free space on the mirror's file system.", {"": end.free})
