"""Keeps tests that run side by side, in processes of their own, from making the same thing at once."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process makes that folder, then keep others from it for the time of the block."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
