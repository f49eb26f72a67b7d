"""Filters standard output and standard error: all output is printable and free of secrets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ..names import shown
from ..secret import LONGEST, printable_values, redact

#: The control sequence of the progress line: return to its start and clear it.
_WIPE = "\r\x1b[K"
#: The control characters that are not escaped.
_ENDS = re.compile(r"([\n\t])")


class SafeStream:
    """A text stream that escapes control characters and removes secrets."""

    def __init__(self, stream: TextIO, limit: int | None = None, results: TextIO | None = None):
        """limit: maximum characters of a line; None for any length. results: the stream for results, if it is another one."""
        self._stream = stream
        self._limit = limit
        #: The stream, without a filter, for the results of verbs.
        self.results = results or stream

    def write(self, text: str) -> int:
        written = len(text)
        prefix = _WIPE if text.startswith(_WIPE) else ""
        self._stream.write(prefix + self._clean(text[len(prefix):]))
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def _clean(self, text: str) -> str:
        text = redact(text)
        if not text.isprintable() or (self._limit is not None and len(text) > self._limit):
            text = "".join(part if part in ("\n", "\t") else shown(part, self._limit or len(part))
                           for part in _ENDS.split(text))
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding, "replace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def safe_output() -> Iterator[None]:
    """Replace standard output and standard error with SafeStream."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = SafeStream(out, LONGEST), SafeStream(err, LONGEST)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


@contextmanager
def results_alone() -> Iterator[None]:
    """Redirect prints of plugins to standard error, so that standard output has only the result of a verb, for programs."""
    out = sys.stdout
    sys.stdout = SafeStream(sys.stderr, LONGEST, _unfiltered_output())
    try:
        yield
    finally:
        sys.stdout = out


def print_whole(text: str) -> None:
    """Print text whose lines may have any length: files for programs, and the user's own settings."""
    SafeStream(_unfiltered_output()).write(text)


def print_blocks(blocks: Iterable[str]) -> None:
    """Print parts of JSON that libraries have made, without secrets."""
    for block in blocks:
        _unfiltered_output().write(redact(block))


def print_json(value: Any) -> None:
    """Print plain data as JSON, with printable texts without secrets; names of fields are never changed."""
    import json

    _unfiltered_output().write(json.dumps(printable_values(value), indent=2) + "\n")


def _unfiltered_output() -> TextIO:
    """Return standard output without a filter."""
    return sys.stdout.results if isinstance(sys.stdout, SafeStream) else sys.stdout
