"""Projects as bytes: what the state keeps of each, and what travels between processes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from ..errors import StorageError
from ..model import File, Project, Stored
from ..names import shown

_DEFAULTS = File("", "")
_STORED = File._fields.index("stored")
#: What a record that is none makes its reader raise.
_UNREADABLE = (zlib.error, TypeError, KeyError, AttributeError, ValueError, RecursionError, OverflowError, MemoryError)
_NONE = type(None)
#: The types that the values of a record have.
_STORED_TYPES: Mapping[str, tuple[type, ...]] = {
    "sha256": (str,), "size": (int,), "metadata": (str, _NONE), "shown": (bool,), "validator": (str, _NONE),
    "provenance": (str, _NONE), "signature": (str, _NONE)}
_FILE_TYPES: Mapping[str, tuple[type, ...]] = {
    "filename": (str,), "url": (str,), "hashes": (dict,), "size": (int, _NONE), "upload_time": (str, _NONE),
    "requires_python": (str, _NONE), "yanked": (bool, str), "core_metadata": (bool, dict), "gpg_sig": (bool, _NONE),
    "provenance": (str, _NONE), "extra": (dict,), "listed": (bool,), "stored": (Stored, _NONE), "external": (str, _NONE),
    "validator": (str, _NONE), "adopted": (bool,), "superseded": (bool,)}
_PROJECT_TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str,), "files": (tuple,), "display": (str,), "serial": (int, str, _NONE), "etag": (str, _NONE), "status": (dict,),
    "extra": (dict,), "meta": (dict,), "listed": (bool,), "pages": (tuple,), "damaged": (tuple,), "upstream": (str,)}
#: Mappings of texts to texts.
_TEXTS = frozenset({"hashes", "core_metadata", "status"})
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
    except _UNREADABLE as error:
        raise _bad(error) from error


def check(record: bytes) -> None:
    """Raise BadRecord unless every value of a record is of its type; ``decode`` leaves that out, since it takes its time."""
    project = decode(record)
    try:
        _check_types(project, _PROJECT_TYPES)
        for file in project.files:
            _check_types(file, _FILE_TYPES)
            if file.stored is not None:
                _check_types(file.stored, _STORED_TYPES)
        for text in (*project.pages, *project.damaged):
            if not isinstance(text, str):
                raise TypeError(f"{type(text).__name__} in place of str")
    except _UNREADABLE as error:
        raise _bad(error) from error


def _check_types(values: Any, types: Mapping[str, tuple[type, ...]]) -> None:
    for name, allowed in types.items():
        value = getattr(values, name)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise TypeError(f"{name} is {type(value).__name__}")
        if name in _TEXTS and isinstance(value, dict) and not all(isinstance(text, str) for text in value.values()):
            raise TypeError(f"{name} holds more than texts")


def _bad(error: Exception) -> BadRecord:
    return BadRecord(f"the state holds a record that can't be read ({shown(str(error))}); sync makes up for it")


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
