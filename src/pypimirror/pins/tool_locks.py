"""Reads the lock files of uv, Poetry, PDM and Pipenv."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..metadata.bounded_toml import loads
from .environments import Environment
from .included_files import Read
from .locked_packages import (
    LockedPackage,
    any_of,
    hashes_of,
    hashes_of_files,
    holds_somewhere,
    left_out,
    named,
    parse_document,
    tables,
    words,
)
from .model import InvalidPins, redact
from .requirements import Line, Requirements
from .uv_lock import read_uv_packages

_Entries = Iterator[LockedPackage | str]


def read_tool_lock(root: str, read: Read, environments: Iterable[Environment]) -> Requirements:
    """Read uv.lock, poetry.lock or pdm.lock, whatever its name, with all extras and groups. Raises FetchError, InvalidPins."""
    where = redact(root)
    data = parse_document(loads, root, read)
    metadata = data.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    environments = tuple(environments)
    if "lock_version" in metadata:
        return _requirements(root, _pdm(data, metadata, environments, where))
    if not {"lock-version", "content-hash"}.isdisjoint(metadata):
        return _requirements(root, _poetry(data, metadata, environments, where))
    if isinstance(data.get("version"), int) and all(isinstance(package.get("source"), dict)
                                                    for package in tables(data.get("package"))):
        return _requirements(root, read_uv_packages(data, environments, where))
    raise InvalidPins(f"{where}: not a lock file of uv, Poetry or PDM; export it as pylock.toml or requirements")


def read_pipfile_lock(root: str, read: Read, environments: Iterable[Environment]) -> Requirements:
    """Read all categories of a Pipfile.lock. Raises FetchError, InvalidPins."""
    return _requirements(root, _pipenv(parse_document(json.loads, root, read), tuple(environments), redact(root)))


def _requirements(root: str, entries: _Entries) -> Requirements:
    lines: list[Line] = []
    notes: dict[str, None] = {}
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, str):
            notes.setdefault(entry)
        else:
            lines.append(entry.line(root, number))
    return Requirements(root, tuple(lines), tuple(notes))


def _poetry(data: Mapping[str, Any], metadata: Mapping[str, Any], environments: tuple[Environment, ...],
            where: str) -> _Entries:
    # Before format 2.0 the files of all packages stood at the end.
    old_files = metadata.get("files")
    for number, package in enumerate(tables(data.get("package")), 1):
        name, version = named(package, f"{where}, package {number}")
        source, by_group = package.get("source"), _poetry_markers(package)
        if version is None or (isinstance(source, dict) and source.get("type") not in (None, "legacy", "pypi")):
            yield left_out(where, name)
        elif any(holds_somewhere(marker, environments) for marker in by_group):
            files = package.get("files")
            if files is None and isinstance(old_files, dict):
                files = old_files.get(package["name"])
            marker = any_of(by_group) if all(isinstance(marker, str) for marker in by_group) else None
            yield LockedPackage(name, version, marker, frozenset(), hashes_of_files(files))


def _poetry_markers(package: Mapping[str, Any]) -> list[Any]:
    """Return the marker of each group that requires a package; None for one that requires it everywhere."""
    markers = package.get("markers")
    if not isinstance(markers, dict):
        return [markers]
    return [markers.get(group) for group in words(package.get("groups")) | markers.keys()]


def _pdm(data: Mapping[str, Any], metadata: Mapping[str, Any], environments: tuple[Environment, ...],
         where: str) -> _Entries:
    # Before format 4.3 the files of all packages stood at the end.
    old_files = metadata.get("files")
    for number, package in enumerate(tables(data.get("package")), 1):
        name, version = named(package, f"{where}, package {number}")
        if version is None or not {"git", "path", "url", "editable"}.isdisjoint(package):
            yield left_out(where, name)
        elif holds_somewhere(package.get("marker"), environments):
            marker, files = package.get("marker"), package.get("files")
            if files is None and isinstance(old_files, dict):
                files = old_files.get(f"{package['name']} {version}")
            yield LockedPackage(name, version, marker if isinstance(marker, str) else None, words(package.get("extras")),
                                hashes_of_files(files))


def _pipenv(data: Mapping[str, Any], environments: tuple[Environment, ...], where: str) -> _Entries:
    for category, packages in data.items():
        if category == "_meta" or not isinstance(packages, dict):
            continue
        for key, package in packages.items():
            entry = package if isinstance(package, dict) else {}
            pinned = entry.get("version")
            # Pipenv does not resolve what its own Python and platform do not need.
            unresolved = pinned == "*"
            version = pinned.removeprefix("==").strip() if isinstance(pinned, str) and not unresolved else None
            name, version = named({"name": key, "version": version}, f"{where}, {category}")
            if unresolved:
                yield f"{where}: {name} has no version, since the lock file was made where it is not needed; it is left out"
            elif version is None or not {"git", "path", "file"}.isdisjoint(entry):
                yield left_out(where, name)
            elif holds_somewhere(entry.get("markers"), environments):
                digests = entry.get("hashes")
                marker = entry.get("markers")
                yield LockedPackage(name, version, marker if isinstance(marker, str) else None, words(entry.get("extras")),
                                    hashes_of(digests if isinstance(digests, list) else ()))
