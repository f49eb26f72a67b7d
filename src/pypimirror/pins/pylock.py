"""Reads pylock.toml (PEP 751)."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..metadata.bounded_toml import loads
from .environments import Environment, marker_values, parse_marker, patches, with_any_host
from .included_files import Read
from .locked_packages import LockedPackage, hashes_of, left_out, named, parse_document, tables, words
from .model import InvalidPins, redact
from .requirements import Line, Requirements


def read_pylock(root: str, read: Read, environments: Iterable[Environment]) -> Requirements:
    """Read the packages from an index that a lock file selects in any of the environments, with all extras and groups.

    Raises FetchError, InvalidPins.
    """
    where, environments = redact(root), tuple(environments)
    data = parse_document(loads, root, read)
    packages = data.get("packages")
    if not str(data.get("lock-version", "")).startswith("1.") or not isinstance(packages, list):
        raise InvalidPins(f"{where}: not a lock file of version 1 (PEP 751)")
    choices = {"extras": words(data.get("extras")),
               "dependency_groups": words(data.get("dependency-groups")) | words(data.get("default-groups"))}
    lines: list[Line] = []
    notes: list[str] = []
    for number, package in enumerate(packages, 1):
        name, version = named(package, f"{where}, package {number}")
        if version is None or not (package.get("wheels") or package.get("sdist")):
            notes.append(left_out(where, name))
        elif any(_applies(package.get("marker"), environment, choices) for environment in environments):
            marker = package.get("marker")
            lines.append(LockedPackage(name, version, marker if isinstance(marker, str) else None,
                                       words(package.get("extras")), _hashes(package)).line(root, number))
    return Requirements(root, tuple(lines), tuple(notes))


def _applies(marker: Any, environment: Environment, choices: Mapping[str, frozenset[str]]) -> bool:
    if not isinstance(marker, str):
        return True
    try:
        parsed = with_any_host(parse_marker(marker))
        return any(parsed.evaluate({**marker_values(one), **choices}) for one in patches(environment, marker))
    except (ValueError, KeyError, TypeError, RecursionError):
        # Older releases of packaging do not support the markers of lock files. A superfluous release does less harm.
        return True


def _hashes(package: Mapping[str, Any]) -> frozenset[str]:
    hashes = (file.get("hashes") for files in (package.get("wheels"), [package.get("sdist")]) for file in tables(files))
    return hashes_of(f"{algorithm}:{digest}" for table in hashes if isinstance(table, dict)
                     for algorithm, digest in table.items())
