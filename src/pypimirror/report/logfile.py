"""Where the log goes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import TimedRotatingFileHandler

from ..errors import ConfigurationError

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class DailyLog(TimedRotatingFileHandler):
    """A log with a file a day, kept for thirty days, that is opened anew where it was moved away (by logrotate, say)."""

    def __init__(self, filename: str):
        super().__init__(filename, "midnight", backupCount=30, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is not None and self._moved(self.stream.fileno()):
            self.stream.close()
            self.stream = self._open()
        super().emit(record)

    def _moved(self, number: int) -> bool:
        try:
            there = os.stat(self.baseFilename)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(number))


@contextmanager
def opened(filename: str, verbose: bool, console: bool) -> Iterator[None]:
    """Log to a file, and to the terminal if ``console``, while the block runs. Raises ConfigurationError."""
    logger = logging.getLogger("pypimirror")
    try:
        os.makedirs(os.path.dirname(filename), exist_ok=True)
        handlers: list[logging.Handler] = [DailyLog(filename)]
    except OSError as error:
        raise ConfigurationError(f"log_filename: {filename}: {error.strerror}") from error
    if console:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
