"""Reads the options of uv that decide where it looks for files, and which of them it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..metadata.bounded_toml import loads, table_at
from ..pins.locked_packages import tables
from ..regular_file import open_regular
from .deployment import EXTRA_INDEX, FIND_LINKS, INDEX, Place

_MAX_BYTES = 1 << 22


class UvOptions(NamedTuple):
    """Options of uv in pyproject.toml or uv.toml, and in a lock file."""

    places: tuple[Place, ...] = ()
    #: Only files that were uploaded before it count; empty for all.
    exclude_newer: str = ""
    wheels_only: bool = False
    #: Whether uv builds and installs the project itself.
    builds: bool = False


def read_uv_options(folder: str, lock: Mapping[str, Any]) -> UvOptions:
    """Return the options for the project in a folder. lock: the content of its lock file."""
    pyproject = _read_toml(os.path.join(folder, "pyproject.toml"))
    own = os.path.join(folder, "uv.toml")
    where, options = (own, _read_toml(own)) if os.path.isfile(own) else (
        os.path.join(folder, "pyproject.toml"), table_at(pyproject, "tool", "uv"))
    locked = table_at(lock, "options")
    newer = locked.get("exclude-newer", options.get("exclude-newer"))
    package = options.get("package", "build-system" in pyproject)
    return UvOptions(tuple(_places_in_options(options, where)), str(newer) if newer is not None else "",
                     options.get("no-build") is True, package is True)


def _places_in_options(options: Mapping[str, Any], where: str) -> Iterator[Place]:
    """Yield the indexes and find-links of uv's options. where: the file, for messages."""
    for index in tables(options.get("index")):
        if isinstance(index.get("url"), str):
            yield Place(INDEX if index.get("default") is True else EXTRA_INDEX, index["url"], where)
    if isinstance(options.get("index-url"), str):
        yield Place(INDEX, options["index-url"], where)
    for key, kind in (("extra-index-url", EXTRA_INDEX), ("find-links", FIND_LINKS)):
        value = options.get(key)
        yield from (Place(kind, url, where) for url in (value if isinstance(value, list) else ()) if isinstance(url, str))


def _read_toml(path: str) -> Mapping[str, Any]:
    try:
        with open_regular(path) as stream:
            return loads(stream.read(_MAX_BYTES))
    except (OSError, ValueError):
        return {}  # uv itself refuses it; --prove shows that
