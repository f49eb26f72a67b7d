"""The statistics of a run."""

from __future__ import annotations

from collections import Counter

from .. import events


class Statistics:
    """Counts the files and failures of one run."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def notify(self, event: object) -> None:
        """Count an event."""
        if isinstance(event, events.FileStored):
            found = event.how in ("kept", "found")
            self._count["found" if found else "adopted" if event.how == "adopted" else "stored"] += 1
            if event.how == "fetched":
                self._count["bytes"] += event.size
        elif isinstance(event, events.FileRemoved):
            self._count["removed"] += 1
        elif isinstance(event, events.Problem):
            self._count[event.kind] += 1
        elif isinstance(event, events.ProjectPublished):
            self._count["projects"] += 1
        elif isinstance(event, events.VerificationFinished):
            self._count.update({"verified": event.files, "wrong": event.wrong, "repaired": event.repaired})

    def figures(self) -> dict[str, int]:
        """Return the figures; found, stored, not found and invalid are those of z3c.pypimirror."""
        names = ("projects", "found", "stored", "bytes", "removed", "not found", "invalid", "failed")
        more = [name for name in ("adopted", "verified", "wrong", "repaired") if name in self._count]
        return {name: self._count[name] for name in (*names, *more)}
