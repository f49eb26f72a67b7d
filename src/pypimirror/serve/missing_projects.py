"""Requested projects that the mirror does not have, counted by ``serve`` and read from access logs."""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import sys
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote

from .. import atomic_file
from ..errors import ConfigurationError
from ..names import PINS, is_project, normalize
from ..regular_file import check_kind, open_regular

#: The file name of serve's record in the folder of the state.
FILENAME = "missed.json"
#: Maximum number of names; the least recently requested ones are dropped.
MOST = 1000
#: Minimum seconds between two writes of the record.
_PAUSE = 60.0
#: Requests, and seconds since 1970, that a record may have: what JSON and calendars can show.
_LARGEST, _LATEST = (1 << 53) - 1, 253_402_300_799
#: Matches Apache's common and combined formats, with or without a leading host, and nginx's combined format.
_LINE = re.compile(rb'\[([^\]]{26})\] "(?:GET|HEAD) ([^ "]+)[^"]*" 404 ')
_TIME = "%d/%b/%Y:%H:%M:%S %z"
#: Characters of a line; web servers accept no longer requests.
_LONGEST = 1 << 16


class NameCount(NamedTuple):
    """The requests for one missing project."""

    project: str
    requests: int
    #: Time of the last request, in seconds since 1970.
    last: float


def project_of_path(path: str) -> str | None:
    """Return the normalised name of the project of a path, or None if the path is not that of a project's page.

    path: decoded and below the index. At the root a name needs a trailing slash, which all installers send, so that files
    that browsers request there are not counted as projects.
    """
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["simple", name] | ["pypi", name, "json"]:
            pass
        case [name] if path.endswith("/") and name != PINS:  # the folder of the pin files
            pass
        case _:
            return None
    name = normalize(name)
    return name if is_project(name) else None


class MissingProjects:
    """Counts requests by name, for a limited number of names. Used by several threads at once."""

    def __init__(self, filename: str | None = None, most: int = MOST):
        """filename: the file of the record; None keeps it in memory only."""
        self._filename, self._most = filename, most
        self._lock = threading.Lock()
        self._names: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._due = 0.0
        self._changed = False
        for one in read_record(filename) if filename else ():
            self._names[one.project] = (one.requests, one.last)

    def note(self, name: str, when: float | None = None, requests: int = 1) -> None:
        """Count requests for a name. when: in seconds since 1970, by default now. requests: their number."""
        now = time.time() if when is None else when
        with self._lock:
            count, last = self._names.pop(name, (0, 0.0))
            self._names[name] = (count + requests, max(last, now))
            while len(self._names) > self._most:
                self._names.popitem(last=False)
            self._changed = True
        if self._filename and time.monotonic() >= self._due:
            self.save()

    def names(self) -> list[NameCount]:
        """Return the counts, the most frequent first."""
        with self._lock:
            found = [NameCount(name, count, last) for name, (count, last) in self._names.items()]
        return sorted(found, key=lambda one: (-one.requests, one.project))

    def save(self) -> None:
        """Write the record if it has changed. If that fails, print one message and keep it in memory only."""
        if self._filename is None or not self._changed:
            return
        with self._lock:
            self._due, self._changed = time.monotonic() + _PAUSE, False
            # Oldest first, the order in which names are dropped.
            text = json.dumps([[name, count, last] for name, (count, last) in self._names.items()])
            try:
                atomic_file.replace(self._filename, text.encode("ascii"))
            except OSError as error:
                print(f"pypimirror: {self._filename}: {error.strerror}; requests for missing projects are not recorded",
                      file=sys.stderr)
                self._filename = None


def read_record(filename: str) -> list[NameCount]:
    """Return the names of a record, the oldest first; nothing if it is missing or damaged."""
    try:
        with open_regular(filename) as stream:
            found = [NameCount(name, count, float(last)) for name, count, last in json.load(stream)]
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return []
    return found if all(map(_is_valid, found)) else []


def _is_valid(one: NameCount) -> bool:
    """Whether a line of a record has values as ``MissingProjects`` writes them."""
    return (isinstance(one.project, str) and is_project(one.project) and type(one.requests) is int
            and 0 < one.requests <= _LARGEST and 0 <= one.last <= _LATEST)


def missing_in_log(filename: str, below: str = "") -> Iterator[tuple[str, float]]:
    """Yield name and time of each request in an access log for a project that was not found.

    Arguments and errors as for ``read_log_lines``. below: the base path of the index.
    """
    for line in read_log_lines(filename):
        found = _LINE.search(line)
        if found is None:
            continue
        path = unquote(found[2].decode("latin-1").partition("?")[0], errors="replace")
        name = project_of_path(path[len(below):]) if path.startswith(f"{below}/") else None
        when = parse_log_time(found[1].decode("latin-1"))
        if name is not None and when is not None:
            yield name, when


def read_log_lines(filename: str) -> Iterator[bytes]:
    """Yield the lines of an access log.

    filename: in Apache's common or combined format or nginx's combined format; decompressed if it ends in ``.gz``. Other lines
    are ignored. A FIFO is read to its end, so that a shell can combine logs: ``--access-log <(zcat access.log.*.gz)``.
    Raises ConfigurationError if the file can't be read.
    """
    try:
        found_kind = os.stat(filename)
        if not stat.S_ISFIFO(found_kind.st_mode):
            check_kind(found_kind)
        with gzip.open(filename) if filename.endswith(".gz") else open(filename, "rb") as stream:
            yield from _read_lines(stream)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{filename}: can't be read: {getattr(error, 'strerror', None) or error}") from error


def _read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a log; longer ones than a server writes are left out."""
    is_rest = False
    while line := stream.readline(_LONGEST):
        ends = line.endswith(b"\n")
        if not is_rest and (ends or len(line) < _LONGEST):
            yield line
        is_rest = not ends


def parse_log_time(text: str) -> float | None:
    """Return the time of a line in seconds since 1970, or None if it can't be read."""
    try:
        return datetime.strptime(text, _TIME).timestamp()
    except ValueError:
        return None
