"""Reads pylock.toml (PEP 751)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.requirements import Requirement

from ..metadata.bounded_toml import loads
from ..names import is_project, normalize, shown
from .environments import Environment, marker_values, parse_marker, patches
from .extends_chain import decoded
from .included_files import Read
from .model import InvalidPins, is_version, redact
from .requirements import Line, Requirements

#: Hashes that pip supports, and therefore flattened files.
_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})

_DIGEST = re.compile(r"[0-9a-fA-F]{64,128}")


def read_pylock(root: str, read: Read, environments: Iterable[Environment]) -> Requirements:
    """Read the packages from an index that a lock file selects in any of the environments, with all extras and groups.

    Raises FetchError, InvalidPins.
    """
    where, environments = redact(root), tuple(environments)
    try:
        data = loads(decoded(read(root), root))
    except ValueError as error:
        raise InvalidPins(f"{where}: {shown(str(error))}") from error
    packages = data.get("packages")
    if not str(data.get("lock-version", "")).startswith("1.") or not isinstance(packages, list):
        raise InvalidPins(f"{where}: not a lock file of version 1 (PEP 751)")
    choices = {"extras": _words(data.get("extras")),
               "dependency_groups": _words(data.get("dependency-groups")) | _words(data.get("default-groups"))}
    lines: list[Line] = []
    notes: list[str] = []
    for number, package in enumerate(packages, 1):
        name, version = _named(package, f"{where}, package {number}")
        if version is None or not (package.get("wheels") or package.get("sdist")):
            notes.append(f"{where}: {name} does not come from an index and is left out")
        elif any(_applies(package.get("marker"), environment, choices) for environment in environments):
            requested = _words(package.get("extras"))
            requirement = _requirement(name, version, package.get("marker"), requested)
            lines.append(Line(requirement, _hashes(package), False, root, number))
    return Requirements(root, tuple(lines), tuple(notes))


def _named(package: Any, where: str) -> tuple[str, str | None]:
    name = package.get("name") if isinstance(package, dict) else None
    if not isinstance(name, str) or not is_project(normalize(name)):
        raise InvalidPins(f"{where}: missing or invalid name of a project")
    version = package.get("version")
    if version is not None and not (isinstance(version, str) and is_version(version)):
        raise InvalidPins(f"{where}: {shown(str(version))!r} is not a version")
    return normalize(name), version


def _requirement(name: str, version: str, marker: Any, requested: Iterable[str] = ()) -> Requirement:
    # Markers on extras and groups are valid only in lock files.
    keep = isinstance(marker, str) and "extras" not in marker and "dependency_groups" not in marker
    valid = sorted(filter(is_project, map(normalize, requested)))
    named = f"{name}[{','.join(valid)}]" if valid else name
    for text in (f"{named}=={version} ; {marker}" if keep else "", f"{named}=={version}"):
        try:
            return Requirement(text)
        except (ValueError, RecursionError):
            continue
    return Requirement(f"{named}==={version}")


def _applies(marker: Any, environment: Environment, choices: Mapping[str, frozenset[str]]) -> bool:
    if not isinstance(marker, str):
        return True
    try:
        parsed = parse_marker(marker)
        return any(parsed.evaluate({**marker_values(one), **choices}) for one in patches(environment, marker))
    except (ValueError, KeyError, TypeError, RecursionError):
        # Older releases of packaging do not support the markers of lock files. A superfluous release does less harm.
        return True


def _hashes(package: Mapping[str, Any]) -> frozenset[str]:
    wheels, sdist = package.get("wheels"), package.get("sdist")
    files = [*(wheels if isinstance(wheels, list) else ()), sdist]
    tables = [file["hashes"] for file in files if isinstance(file, dict) and isinstance(file.get("hashes"), dict)]
    return frozenset(f"{name}:{digest.lower()}" for table in tables for name, digest in table.items()
                     if name in _ALGORITHMS and isinstance(digest, str) and _DIGEST.fullmatch(digest))


def _words(value: Any) -> frozenset[str]:
    return frozenset(word for word in value if isinstance(word, str)) if isinstance(value, list) else frozenset()
