"""A snapshot as values: its description in the tree, and its files."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConfigurationError, StorageError
from ..names import PAGES, SNAPSHOTS, distribution, is_distribution, shown
from ..settings.units import format_moment

if TYPE_CHECKING:
    from .places import Snapshots

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
                                 "underscores, at most 64, and begins with a letter or digit")
    if name in PAGES or name.startswith("browse.") or is_distribution(distribution(name)):
        raise ConfigurationError(f"{name!r}: not a name for a snapshot, but one of a page or distribution file")
    return name


def no_snapshot(name: str) -> ConfigurationError:
    return ConfigurationError(f"there is no snapshot {name!r}; snapshot list shows all")


def check_target(snapshots: Snapshots, name: str, target: str) -> None:
    """Raise ConfigurationError if a snapshot can't be promoted to a name, which is that of a snapshot made under it."""
    check_name(target)
    if snapshots.exists(target) and (name == target or not snapshots.get(target).promoted):
        raise ConfigurationError(f"{target!r} is a snapshot itself; promote to another name with --as")


def now() -> str:
    return format_moment(str(time.time())) or ""


def listed(page: bytes, path: str) -> Iterator[tuple[str, str]]:
    """Yield file name and sha256 of the files on a JSON page. Raises StorageError."""
    try:
        for file in json.loads(page)["files"]:
            yield file["filename"], file["hashes"]["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: the page can't be read: {error}") from error


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
