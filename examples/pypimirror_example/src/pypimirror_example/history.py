"""A line about every run: ``history_filename``."""

from datetime import datetime, timezone
from typing import Any

from zope.interface import implementer

from pypimirror.errors import StorageError
from pypimirror.events import RunFinished
from pypimirror.interfaces import IObserver, ISettings


@implementer(IObserver)
class History:
    """Adds a line to a file at the end of each run: time, exit status, numbers of stored and removed files."""

    def __init__(self, settings: ISettings):
        self._filename = settings["history_filename"]

    def notify(self, event: Any) -> None:
        if not (self._filename and isinstance(event, RunFinished)):
            return
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        figures = event.statistics
        line = f"{now} status {event.status}, {figures['stored']} stored, {figures['removed']} removed\n"
        try:
            with open(self._filename, "a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            raise StorageError(f"{self._filename}: {error.strerror}") from error
