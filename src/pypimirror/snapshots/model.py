"""A snapshot as values: its description in the tree, and its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..errors import ConfigurationError, StorageError
from ..names import SNAPSHOTS, shown

#: The description of a snapshot, in its folder; the folder of its index.
DESCRIPTION, INDEX = "snapshot.json", "simple"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Snapshot(NamedTuple):
    """The description of a snapshot, as ``snapshot list --json`` prints it."""

    name: str
    #: When it was made, and the moment that it shows the index of, as ISO times; the second is empty for the present.
    created: str
    at: str
    #: The mirror's serial.
    serial: int
    projects: int
    files: int
    #: Bytes of the files.
    size: int
    #: The snapshot that was promoted to this name, and when; empty for a snapshot that was made under its name.
    promoted: str = ""
    promoted_at: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the description as plain values."""
        return {"bytes" if key == "size" else key: value for key, value in self._asdict().items()}

    def encode(self) -> bytes:
        return (json.dumps({"version": 1, **self.as_json()}, indent=1) + "\n").encode()


def decode(content: bytes, name: str) -> Snapshot:
    """Return a description. Raises StorageError."""
    try:
        values = json.loads(content)
        serial, projects, files, size = (int(values[key]) for key in ("serial", "projects", "files", "bytes"))
        created, at, promoted, promoted_at = (str(values[key]) for key in ("created", "at", "promoted", "promoted_at"))
        return Snapshot(name, created, at, serial, projects, files, size, promoted, promoted_at)
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{folder(name)}/{DESCRIPTION}: can't be read: {shown(str(error))}; "
                           f"delete the snapshot: snapshot delete {name}") from error


def folder(name: str) -> str:
    """Return the folder of a snapshot in the mirror."""
    return f"{SNAPSHOTS}/{name}"


def check_name(name: str) -> str:
    """Return the name of a snapshot. Raises ConfigurationError."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{shown(name)!r}: a snapshot's name has lower-case letters, digits, dots, dashes and "
                                 "underscores, and begins with a letter or digit")
    return name


class Difference(NamedTuple):
    """The difference between the files of two snapshots."""

    #: Paths of files.
    added: tuple[str, ...]
    removed: tuple[str, ...]
    #: Files of the same name with other content.
    changed: tuple[str, ...]


def difference(before: Iterable[tuple[str, str]], after: Iterable[tuple[str, str]]) -> Difference:
    """Compare two snapshots. Arguments: pairs of path and sha256."""
    old, new = dict(before), dict(after)
    return Difference(tuple(sorted(new.keys() - old.keys())), tuple(sorted(old.keys() - new.keys())),
                      tuple(sorted(path for path in old.keys() & new.keys() if old[path] != new[path])))
