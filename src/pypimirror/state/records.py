"""Projects as bytes: what the state keeps of each, and what travels between processes."""

from __future__ import annotations

import json
import zlib
from typing import Any

from ..errors import StorageError
from ..model import File, Project, Stored

_DEFAULTS = File("", "")
_STORED = File._fields.index("stored")
_DUMP = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode(project: Project) -> bytes:
    """Give a project as bytes."""
    value: dict[str, Any] = {key: item for key, item in project._asdict().items() if item not in (None, "", ())}
    value["files"] = [_values(file) for file in project.files]
    # Most records are small: a window of 4 kB is made ready in half the time of the usual one, and packs them as well.
    packing = zlib.compressobj(1, zlib.DEFLATED, 12, 5)
    return packing.compress(_DUMP(value).encode("utf-8", "surrogatepass")) + packing.flush()


class BadRecord(StorageError, ValueError):
    """What the state keeps of a project can't be read."""


def decode(record: bytes) -> Project:
    """Give the project that ``encode`` made the bytes of. Raises BadRecord for anything else."""
    try:
        value = json.loads(zlib.decompress(record))
        value["files"] = tuple(_file(entry) for entry in value["files"])
        for key in ("pages", "damaged"):
            value[key] = tuple(value.get(key, ()))
        return Project(**value)
    except (zlib.error, TypeError, KeyError, AttributeError, ValueError) as error:
        raise BadRecord(f"the state holds a record that can't be read ({error}); sync makes up for it") from error


def _values(file: File) -> list[Any]:
    """Give the values of a file in their order, without those at the end that are the usual ones."""
    count = len(file)
    while count > 2 and file[count - 1] == _DEFAULTS[count - 1]:
        count -= 1
    return list(file[:count])


def _file(values: Any) -> File:
    if isinstance(values, dict):  # as it was once
        values = list(File(**{"url": "", **values}))
    elif not isinstance(values, list):
        raise TypeError("a file is no list of values")
    stored = values[_STORED] if len(values) > _STORED else None
    if stored is not None:
        values[_STORED] = Stored(*stored)
    return File(*values)
