"""The log file: handlers and format."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import TimedRotatingFileHandler
from typing import Any

from ..errors import ConfigurationError
from ..secret import printable
from ..storage.regular_files import open_for_append

#: Maximum number of lines of a traceback in the log.
_MOST_LINES = 200
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class SafeFormatter(logging.Formatter):
    """Formats each record as one printable line without secrets, followed by the lines of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        # Does not call the base class, which caches the first handler's traceback in the record.
        record.message = printable(record.getMessage())
        record.asctime = self.formatTime(record, self.datefmt)
        lines = [self.formatMessage(record)]
        lines += map(printable, filter(None, getattr(record, "trace", "").split("\n")))
        if record.exc_info and record.exc_info[0] is not None:
            lines.append(self.formatException(record.exc_info))
        return "\n".join(lines)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        lines = super().formatException(ei).split("\n")
        if len(lines) > _MOST_LINES:  # an infinite recursion
            lines[_MOST_LINES // 2:-_MOST_LINES // 2] = ["..."]
        return "\n".join(map(printable, lines))


class _Appending:
    """Writes each record to a descriptor in one call, so that lines of several processes are not mixed."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        while data:
            data = data[os.write(self._descriptor, data):]

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return self._descriptor

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def close(self) -> None:
        os.close(self._descriptor)


class DailyLog(TimedRotatingFileHandler):
    """A log with daily rotation, kept for thirty days; it is reopened if another program, such as logrotate, moves it."""

    def __init__(self, filename: str):
        self._failed = False
        super().__init__(filename, "midnight", backupCount=30, encoding="utf-8")

    def _open(self) -> Any:
        return _Appending(open_for_append(self.baseFilename, "log_filename"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Print one message if the log can't be written, as on a full disk; the run continues without a log."""
        error = sys.exc_info()[1]
        if not self._failed:
            self._failed = True
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            print(f"pypimirror: {self.baseFilename}: can't be written: {why}", file=sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._reopen()
        except (OSError, ConfigurationError):
            self.handleError(record)
            return
        super().emit(record)

    def close(self) -> None:
        with suppress(OSError):  # the flush of records whose write failed before
            super().close()

    def _reopen(self) -> None:
        if self.stream is not None and self._is_replaced(self.stream.fileno()):
            self.stream.close()
            self.stream = self._open()

    def _is_replaced(self, number: int) -> bool:
        """Return whether another file, or none, has the name of the open one."""
        try:
            there = os.stat(self.baseFilename)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(number))


@contextmanager
def log_to_file(filename: str, verbose: bool, console: bool) -> Iterator[None]:
    """Log to a file, and to the terminal if ``console``, while the block runs. Raises ConfigurationError."""
    logger = logging.getLogger("pypimirror")
    try:
        handlers: list[logging.Handler] = [DailyLog(filename)]
    except OSError as error:
        raise ConfigurationError(f"log_filename: {filename}: {error.strerror}") from error
    if console:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(SafeFormatter(_FORMAT))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
