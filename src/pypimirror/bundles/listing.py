"""What the other side has: a receipt of an import, or the output of sha256sum over its tree."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..names import is_project, normalize, shown
from ..regular_file import open_regular
from .journal import COMMON, Journal
from .manifest import is_path

RECEIPT = "pypimirror-receipt"
_LONGEST = 1 << 20
#: A line of sha256sum: digest, a blank, a blank or an asterisk, path.
_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(.+)")


class Receipt(NamedTuple):
    """The result of an import, for the next export."""

    #: Identifies the mirror that was exported.
    mirror: str
    #: The mark that the other side has now.
    mark: str
    bundle: str
    #: Paths that the other side should have, and that are missing or damaged there.
    lacking: tuple[str, ...] = ()


def dump_receipt(receipt: Receipt) -> bytes:
    """Return the content of a receipt: one line of JSON."""
    return json.dumps({"format": RECEIPT, **receipt._asdict()}).encode() + b"\n"


class Listing:
    """A receipt or a listing, in a temporary database, so that memory does not grow with its length."""

    def __init__(self, path: str):
        """Raises ConfigurationError if the file is neither."""
        self.path = path
        self.receipt: Receipt | None = None
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE paths (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID")
        self._database.execute("CREATE TABLE lacking (path TEXT PRIMARY KEY) WITHOUT ROWID")
        digest = hashlib.sha256()
        try:
            with open_regular(path) as stream:
                self._database.execute("BEGIN")
                for number, line in enumerate(iter(lambda: stream.readline(_LONGEST + 1), b""), 1):
                    digest.update(line)
                    self._read_line(number, line)
                self._database.execute("COMMIT")
        except OSError as error:
            raise ConfigurationError(f"--against {path}: {error.strerror}") from error
        self.digest = digest.hexdigest()

    def _read_line(self, number: int, line: bytes) -> None:
        """Store one line: a receipt in the first line, or a line of sha256sum. Raises ConfigurationError."""
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if number == 1 and text.startswith("{"):
            self.receipt = _parse_receipt(text, self.path)
            self._database.executemany("INSERT OR IGNORE INTO lacking VALUES (?)", ((one,) for one in self.receipt.lacking))
        elif (found := _LINE.fullmatch(text)) is not None:
            self._database.execute("REPLACE INTO paths VALUES (?, ?)", (found[2], found[1]))
        elif text:
            raise ConfigurationError(f"--against {self.path}: line {number}: neither a receipt of import nor the output of "
                                     f"sha256sum: {shown(text)}")

    def close(self) -> None:
        """Delete the temporary database."""
        self._database.close()

    def has(self, path: str, sha256: str) -> bool:
        """Return whether the other side has a path with this content."""
        found = self._database.execute("SELECT sha256 FROM paths WHERE path = ?", (path,)).fetchone()
        return found is not None and found[0] == sha256

    def lacks(self, path: str) -> bool:
        """Return whether the receipt names a path as missing or damaged."""
        return self._database.execute("SELECT 1 FROM lacking WHERE path = ?", (path,)).fetchone() is not None

    def lacking_projects(self) -> Iterator[str]:
        """Yield the projects of the paths that the other side lacks, in order."""
        names = {_project_name(path) for path, in self._database.execute("SELECT path FROM lacking")}
        return iter(sorted(name for name in names if name))

    def others(self, journal: Journal) -> Iterable[str]:
        """Yield the listed paths that the mirror does not have, in order."""
        self._database.execute("CREATE TEMP TABLE IF NOT EXISTS present (path TEXT PRIMARY KEY) WITHOUT ROWID")
        for _, paths in journal.changed(0):
            self._database.executemany("INSERT OR IGNORE INTO present VALUES (?)", ((path,) for path in paths))
        self._database.executemany("INSERT OR IGNORE INTO present VALUES (?)", ((path,) for path in journal.paths(COMMON)))
        rows = self._database.execute("SELECT path FROM paths WHERE path NOT IN (SELECT path FROM present) ORDER BY path")
        return (path for path, in rows if is_path(path))


def _project_name(path: str) -> str:
    """Return the normalised name of the project that a path may belong to, or an empty text."""
    folders = path.split("/")[:-1]
    name = normalize(folders[-1]) if folders else ""
    return name if is_project(name) else ""


def _parse_receipt(text: str, path: str) -> Receipt:
    """Return a receipt. path: of the listing, for messages. Raises ConfigurationError."""
    try:
        found: Any = json.loads(text)
        if found["format"] != RECEIPT:
            raise ValueError("another format")
        receipt = Receipt(*(found[field] for field in Receipt._fields))
        if not all(isinstance(value, str) for value in (*receipt[:3], *receipt.lacking)):
            raise ValueError("a value of a wrong type")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigurationError(f"--against {path}: not a receipt of import: {shown(str(error))}") from error
    return receipt._replace(lacking=tuple(receipt.lacking))
