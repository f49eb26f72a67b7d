"""Where the log goes."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StorageError

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def opened(filename: str, verbose: bool, console: bool) -> Iterator[None]:
    """Log to a file, and to the terminal if ``console``, while the block runs. Raises StorageError."""
    logger = logging.getLogger("pypimirror")
    try:
        os.makedirs(os.path.dirname(filename), exist_ok=True)
        handlers: list[logging.Handler] = [logging.handlers.WatchedFileHandler(filename, encoding="utf-8")]
    except OSError as error:
        raise StorageError(f"{filename}: {error.strerror}") from error
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
