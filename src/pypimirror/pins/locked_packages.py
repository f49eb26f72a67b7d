"""Turns the packages of lock files into lines of requirements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from packaging.requirements import Requirement

from ..names import is_project, normalize, shown
from .environments import Environment, applies, parse_marker
from .extends_chain import decoded
from .included_files import Read
from .model import InvalidPins, is_version, redact
from .requirements import Line

#: Hashes that pip supports, and therefore flattened files.
_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
_DIGEST = re.compile(r"[0-9a-fA-F]{64,128}")
#: Variables of markers that only the tool of a lock file sets.
_OF_TOOLS = re.compile(r"\b(?:extras?|dependency_groups)\b")


class LockedPackage(NamedTuple):
    """One package of a lock file that comes from an index."""

    #: Normalised.
    name: str
    version: str
    marker: str | None = None
    extras: frozenset[str] = frozenset()
    #: ``algorithm:hexdigest`` of its files.
    hashes: frozenset[str] = frozenset()

    def line(self, source: str, number: int) -> Line:
        """Return the package as one requirement. Markers on extras and groups are left out, since only lock files have them."""
        valid = sorted(filter(is_project, map(normalize, self.extras)))
        named = f"{self.name}[{','.join(valid)}]" if valid else self.name
        keep = self.marker is not None and not _OF_TOOLS.search(self.marker)
        for text in (f"{named}=={self.version} ; {self.marker}" if keep else "", f"{named}=={self.version}"):
            try:
                requirement = Requirement(text)
                break
            except (ValueError, RecursionError):
                continue
        else:
            requirement = Requirement(f"{self.name}==={self.version}")
        return Line(requirement, self.hashes, False, source, number)


def named(package: Any, where: str) -> tuple[str, str | None]:
    """Return name and version of a package. Raises InvalidPins.

    where: the lock file and the place in it, for messages.
    """
    name = package.get("name") if isinstance(package, dict) else None
    if not isinstance(name, str) or not is_project(normalize(name)):
        raise InvalidPins(f"{where}: missing or invalid name of a project")
    version = package.get("version")
    if version is not None and not (isinstance(version, str) and is_version(version)):
        raise InvalidPins(f"{where}: {shown(str(version))!r} is not a version")
    return normalize(name), version


def hashes_of(digests: Iterable[Any]) -> frozenset[str]:
    """Return the valid ones of ``algorithm:hexdigest``, in lower case."""
    pairs = (text.partition(":")[::2] for text in digests if isinstance(text, str))
    return frozenset(f"{algorithm}:{digest.lower()}" for algorithm, digest in pairs
                     if algorithm in _ALGORITHMS and _DIGEST.fullmatch(digest))


def hashes_of_files(files: Any) -> frozenset[str]:
    """Return the hashes of files that are tables with a key ``hash``."""
    return hashes_of(file.get("hash") for file in tables(files))


def holds_somewhere(marker: Any, environments: Iterable[Environment]) -> bool:
    """Return whether a marker may hold in any environment. One that can't be evaluated counts as true."""
    if not isinstance(marker, str) or _OF_TOOLS.search(marker):
        return True
    try:
        parsed = parse_marker(marker)
    except (ValueError, RecursionError):
        return True
    return any(applies(parsed, environment) for environment in environments)


def any_of(markers: Iterable[Any]) -> str | None:
    """Return a marker that holds where any of several does, or None without markers."""
    found = list(dict.fromkeys(marker for marker in markers if isinstance(marker, str)))
    return " or ".join(f"({marker})" for marker in found) if len(found) > 1 else next(iter(found), None)


def words(value: Any) -> frozenset[str]:
    """Return the texts in a list; nothing for another value."""
    return frozenset(word for word in value if isinstance(word, str)) if isinstance(value, list) else frozenset()


def tables(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the tables in a list; nothing for another value."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def left_out(where: str, name: str) -> str:
    """Return the note on a package that the mirror can't have."""
    return f"{where}: {name} does not come from an index and is left out"


def parse_document(parse: Callable[[str], Any], root: str, read: Read) -> dict[str, Any]:
    """Read and parse a TOML or JSON file of pins. Raises FetchError, InvalidPins."""
    try:
        data = parse(decoded(read(root), root))
    except (ValueError, RecursionError) as error:
        raise InvalidPins(f"{redact(root)}: {shown(str(error))}") from error
    if not isinstance(data, dict):
        raise InvalidPins(f"{redact(root)}: not a lock file")
    return data
