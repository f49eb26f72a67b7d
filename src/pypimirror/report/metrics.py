"""Figures of the last run in Prometheus' text format, for the textfile collector of its node exporter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from ..events import RunFinished
from ..interfaces import IObserver, ISettings
from ..secret import printable
from ..storage.regular_files import check_regular
from .run_summary import RunSummary, replace


@implementer(IObserver)
class Metrics:
    """Writes ``metrics_filename``, if it is set, at the end of each run of ``sync``, also of a failed one."""

    def __init__(self, settings: ISettings):
        self._filename = settings["metrics_filename"]
        self._outcome = RunSummary()
        if self._filename:
            check_regular(self._filename, "metrics_filename")

    def notify(self, event: Any) -> None:
        if self._filename and self._outcome.notify(event):
            replace(self._filename, "".join(lines(self._outcome, event)), "metrics_filename", 0o644)


def lines(outcome: RunSummary, end: RunFinished) -> Iterator[str]:
    """Yield the lines of the file."""
    mirror = printable(outcome.mirror).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    def metric(name: str, help: str, values: dict[str, float | None]) -> Iterator[str]:
        known = {label: value for label, value in values.items() if value is not None}
        if known:
            yield f"# HELP pypimirror_{name} {help}\n# TYPE pypimirror_{name} gauge\n"
        for label, value in known.items():
            yield f'pypimirror_{name}{{mirror="{mirror}"{label}}} {value:.15g}\n'

    yield from metric("last_run_timestamp_seconds", "When the last run began.", {"": outcome.started})
    yield from metric("last_good_run_timestamp_seconds", "When the last run without failures began.", {"": end.last_good})
    yield from metric("last_run_duration_seconds", "How long the last run took.", {"": end.runtime})
    yield from metric("last_run_status", "Exit status of the last run: 0 is good.", {"": end.status})
    yield from metric("last_run_count", "What the last run came to.", {
        f',what="{name.replace(" ", "_")}"': count for name, count in end.statistics.items()})
    yield from metric("failed_projects", "Projects that failed and will be tried again.", {
        "": sum(bool(failure.project) for failure in end.failures)})
    if end.totals is not None:
        yield from metric("projects", "Projects in the mirror.", {"": end.totals.projects})
        yield from metric("files", "Files in the mirror.", {"": end.totals.files})
        yield from metric("bytes", "Bytes of the files in the mirror.", {"": end.totals.bytes})
    yield from metric("free_bytes", "Free space on the mirror's file system.", {"": end.free})
