"""Serialisation of projects, for the state and for messages between processes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..advisory import Advisory, VersionRange
from ..errors import StorageError
from ..model import File, Project, Stored
from ..names import shown

_DEFAULTS = File("", "")
_STORED, _PUBLISHERS, _EXTRA = map(File._fields.index, ("stored", "publishers", "extra"))
#: Exceptions of the reader of an invalid record.
_UNREADABLE = (zlib.error, TypeError, KeyError, AttributeError, ValueError, RecursionError, OverflowError, MemoryError)
_NONE = type(None)
#: The types of a record's values.
_STORED_TYPES: Mapping[str, tuple[type, ...]] = {
    "sha256": (str,), "size": (int,), "metadata": (str, _NONE), "published": (bool,), "validator": (str, _NONE),
    "provenance": (str, _NONE), "signature": (str, _NONE), "foreign": (bool,),
    "upload_time": (str, _NONE), "upload_time_source": (str, _NONE)}
_FILE_TYPES: Mapping[str, tuple[type, ...]] = {
    "filename": (str,), "url": (str,), "hashes": (dict,), "size": (int, _NONE), "upload_time": (str, _NONE),
    "requires_python": (str, _NONE), "yanked": (bool, str), "core_metadata": (bool, dict), "gpg_sig": (bool, _NONE),
    "provenance": (str, _NONE), "extra": (dict,), "listed": (bool,), "stored": (Stored, _NONE), "external": (str, _NONE),
    "validator": (str, _NONE), "adopted": (bool,), "superseded": (bool,), "seen": (int, _NONE), "digests": (dict,),
    "forced": (bool,), "added": (bool,), "publishers": (tuple, _NONE)}
_PROJECT_TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str,), "files": (tuple,), "display": (str,), "serial": (int, str, _NONE), "etag": (str, _NONE), "status": (dict,),
    "extra": (dict,), "meta": (dict,), "listed": (bool,), "pages": (tuple,), "url": (str,), "links": (tuple,),
    "unread": (tuple,), "damaged": (tuple,), "upstream": (str,), "form": (str,), "doubt": (str,), "promised": (str,),
    "advisories": (tuple,)}
_ADVISORY_TYPES: Mapping[str, tuple[type, ...]] = {
    "id": (str,), "aliases": (tuple,), "summary": (str,), "severity": (str,), "ranges": (tuple,), "versions": (tuple,),
    "fixed": (tuple,), "link": (str,)}
_RANGE_TYPES: Mapping[str, tuple[type, ...]] = {"introduced": (str,), "end": (str,), "inclusive": (bool,)}
#: Signatures that passed the check: the class, then the types of its values.
_good: set[tuple[type, ...]] = set()
#: Projects by their records, the oldest first: at most so many, of at most so many bytes each.
_recent: dict[bytes, Project] = {}
_RECENT, _MOST_REMEMBERED = 256, 24 << 10
_DUMP = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode(project: Project, is_temporary: bool = False) -> bytes:
    """Return a project as bytes. is_temporary: whether it is replaced soon, and not worth compressing."""
    value: dict[str, Any] = {key: item for key, item in project._asdict().items() if item not in (None, "", ())}
    value["files"] = [_values(file) for file in project.files]
    # Most records are small: a window of 4 kB takes half the time to set up, and compresses them as well.
    packing = zlib.compressobj(0 if is_temporary else 1, zlib.DEFLATED, 12, 5)
    return packing.compress(_DUMP(value).encode("utf-8", "surrogatepass")) + packing.flush()


def remember(project: Project, record: bytes) -> None:
    """Let ``decode`` return a project that this process has encoded and that it decodes soon."""
    if len(record) <= _MOST_REMEMBERED:
        if len(_recent) >= _RECENT:
            with suppress(StopIteration, KeyError):  # another thread is first
                del _recent[next(iter(_recent))]
        _recent[record] = project


class BadRecord(StorageError, ValueError):
    """The record of a project can't be read."""


def decode(record: bytes) -> Project:
    """Return the project of a record of ``encode``. Raises BadRecord."""
    known = _recent.pop(record, None)
    if known is not None:
        return known
    try:
        content = zlib.decompress(record)
        value = json.loads(content)
        if _may_have_surrogates(content):
            _check_encodable(value)
        value["files"] = tuple(_file(entry) for entry in value["files"])
        for key in ("pages", "damaged", "links", "unread"):
            value[key] = tuple(value.get(key, ()))
            _check_texts(value[key])
        if "advisories" in value:
            value["advisories"] = tuple(map(_advisory, value["advisories"]))
        project = Project(**value)
        _check_types(project, _PROJECT_TYPES)
        return project
    except _UNREADABLE as error:
        raise BadRecord(f"unreadable record in the state ({shown(str(error))}); sync rebuilds it") from error


def _may_have_surrogates(content: bytes) -> bool:
    """Whether JSON may have lone surrogates: encoded, or as an escape. Two searches of a byte cost nearly nothing."""
    return b"\xed" in content or b"\\u" in content


def _check_encodable(value: Mapping[str, Any]) -> None:
    """Raise ValueError for a text that no page can have. Upstream's own keys may have any text: JSON pages escape it."""
    for file in value["files"]:
        _DUMP(file[:_EXTRA] + file[_EXTRA + 1:] if isinstance(file, list) else "").encode()
    _DUMP({key: item for key, item in value.items() if key not in ("extra", "meta", "files")}).encode()


def _check_types(values: Any, types: Mapping[str, tuple[type, ...]]) -> None:
    """Raise TypeError if a value has a wrong type."""
    signature = type(values), *map(type, values)
    if signature not in _good:  # nearly all files of a mirror are of a few signatures
        for name, allowed in types.items():
            value = getattr(values, name)
            if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
                raise TypeError(f"{name} is {type(value).__name__}")
        _good.add(signature)


def _check_texts(texts: Iterable[Any]) -> None:
    for text in texts:
        if type(text) is not str:
            raise TypeError(f"{type(text).__name__} in place of a text")


def _advisory(values: list[Any]) -> Advisory:
    read = Advisory._make(tuple(value) if type(value) is list else value for value in values)
    _check_types(read, _ADVISORY_TYPES)
    for texts in (read.aliases, read.versions, read.fixed):
        _check_texts(texts)
    ranges = tuple(VersionRange(*each) for each in read.ranges)
    for each in ranges:
        _check_types(each, _RANGE_TYPES)
    return read._replace(ranges=ranges)


def _values(file: File) -> list[Any]:
    """Return the values of a file in order, without trailing defaults."""
    count = len(file)
    while count > 2 and file[count - 1] == _DEFAULTS[count - 1]:
        count -= 1
    return list(file[:count])


def _file(values: Any) -> File:
    if isinstance(values, dict):  # records of old versions
        values = list(File(**{"url": "", **values}))
    elif not isinstance(values, list):
        raise TypeError("a file is not a list of values")
    stored = values[_STORED] if len(values) > _STORED else None
    if stored is not None:
        values[_STORED] = Stored(*stored)
        _check_types(values[_STORED], _STORED_TYPES)
    if len(values) > _PUBLISHERS and values[_PUBLISHERS] is not None:
        values[_PUBLISHERS] = tuple(values[_PUBLISHERS])
        _check_texts(values[_PUBLISHERS])
    file = File(*values)
    _check_types(file, _FILE_TYPES)
    _check_texts(file.hashes.values())
    if type(file.core_metadata) is dict:
        _check_texts(file.core_metadata.values())
    return file
