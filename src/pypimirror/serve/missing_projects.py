"""Names of projects that clients asked for and the mirror does not have: as serve sees them, and from access logs."""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from ..errors import ConfigurationError
from ..names import is_project, normalize

#: Where serve keeps its record, in the folder of the state.
FILENAME = "missed.json"
#: How many names are kept; those asked for longest ago go first.
MOST = 1000
#: Seconds between two moments at which the record is written.
_PAUSE = 60.0
#: Requests, and seconds since 1970, that a record may have: what JSON and calendars can show.
_LARGEST, _LATEST = (1 << 53) - 1, 253_402_300_799
#: What Apache's common and combined formats, with a host in front or not, and nginx's combined format have in common.
_LINE = re.compile(rb'\[([^\]]{26})\] "(?:GET|HEAD) ([^ "]+)[^"]*" 404 ')
_TIME = "%d/%b/%Y:%H:%M:%S %z"


class NameCount(NamedTuple):
    """One name that was asked for in vain."""

    project: str
    requests: int
    #: When last, in seconds since 1970.
    last: float


def project(path: str) -> str | None:
    """Give the normalised name of the project whose page a path means, or None if it means no project's page.

    path: below the index, as the server understands it. At the root a name has a slash behind it, as all installers write
    it, so that what browsers look for there is not taken for a project.
    """
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["simple", name] | ["pypi", name, "json"]:
            pass
        case [name] if path.endswith("/"):
            pass
        case _:
            return None
    name = normalize(name)
    return name if is_project(name) else None


class Missed:
    """Counts names, as many as there is room for. Used by several threads at once."""

    def __init__(self, filename: str | None = None, most: int = MOST):
        """filename: where the record is kept; without it, in memory alone."""
        self._filename, self._most = filename, most
        self._lock = threading.Lock()
        self._names: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._due = 0.0
        self._changed = False
        for one in read(filename) if filename else ():
            self._names[one.project] = (one.requests, one.last)

    def note(self, name: str, when: float | None = None, requests: int = 1) -> None:
        """Count a name. when: in seconds since 1970, now unless given. requests: how often it was asked for."""
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
        """Return what was counted, most asked for first."""
        with self._lock:
            found = [NameCount(name, count, last) for name, (count, last) in self._names.items()]
        return sorted(found, key=lambda one: (-one.requests, one.project))

    def save(self) -> None:
        """Write the record, if there is anything new. Where it can't be written that is said once."""
        if self._filename is None or not self._changed:
            return
        with self._lock:
            self._due, self._changed = time.monotonic() + _PAUSE, False
            # Oldest first: that is the order in which they go.
            text = json.dumps([[name, count, last] for name, (count, last) in self._names.items()])
            unfinished = f"{self._filename}.{os.getpid()}"
            try:
                with open(unfinished, "w", encoding="ascii") as stream:
                    stream.write(text)
                os.replace(unfinished, self._filename)
            except OSError as error:
                print(f"pypimirror: {self._filename}: {error.strerror}; what clients ask for in vain is not remembered",
                      file=sys.stderr)
                self._filename = None


def read(filename: str) -> list[NameCount]:
    """Return the names of a record, the oldest first; nothing if it is missing or damaged."""
    try:
        with open(filename, encoding="ascii") as stream:
            found = [NameCount(name, count, float(last)) for name, count, last in json.load(stream)]
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return []
    return found if all(map(_is_sane, found)) else []


def _is_sane(one: NameCount) -> bool:
    """Whether a line of a record has values as ``Missed`` writes them."""
    return (isinstance(one.project, str) and is_project(one.project) and type(one.requests) is int
            and 0 < one.requests <= _LARGEST and 0 <= one.last <= _LATEST)


def logged(filename: str, below: str = "") -> Iterator[tuple[str, float]]:
    """Yield name and time of each project that an access log tells was asked for in vain.

    filename: of Apache's common or combined format or nginx's combined one; packed if it ends in ``.gz``. Lines of other forms
    count for nothing. below: the path that the index lies below. Raises ConfigurationError if it can't be read.
    """
    try:
        with gzip.open(filename) if filename.endswith(".gz") else open(filename, "rb") as stream:
            for line in stream:
                found = _LINE.search(line)
                if found is None:
                    continue
                path = unquote(found[2].decode("latin-1").partition("?")[0], errors="replace")
                name = project(path[len(below):]) if path.startswith(f"{below}/") else None
                when = _seconds(found[1].decode("latin-1"))
                if name is not None and when is not None:
                    yield name, when
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{filename}: can't be read: {getattr(error, 'strerror', None) or error}") from error


def _seconds(text: str) -> float | None:
    try:
        return datetime.strptime(text, _TIME).timestamp()
    except ValueError:
        return None
