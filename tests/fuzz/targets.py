"""All targets by name, and how each of them takes an input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fuzz_archives
import fuzz_index
import fuzz_pins
import fuzz_safety
import fuzz_site

from pypimirror.errors import MirrorError

TARGETS: dict[str, Callable[[bytes], object]] = {
    **fuzz_index.TARGETS, **fuzz_pins.TARGETS, **fuzz_archives.TARGETS, **fuzz_site.TARGETS,
    **fuzz_safety.TARGETS}

#: Small inputs to begin with, and those that failed once, in a folder for each target.
CORPUS = Path(__file__).resolve().parent / "corpus"


def take(target: str, body: bytes) -> None:
    """Run a target on an input. An error of ours is a right answer, if it is one line of printable text."""
    try:
        TARGETS[target](body)
    except MirrorError as error:
        assert str(error).isprintable() and str(error), repr(str(error))
