"""What an sdist needs to be built and states about itself, read without running any of its code.

Build requirements: ``build-system.requires`` in pyproject.toml (PEP 518), and what the backend adds to them (``backends``).
"""

import configparser
import re
from collections.abc import Iterable
from typing import IO, Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from ..metadata.archives import read_sdist_files
from ..metadata.bounded_toml import loads
from ..metadata.core_metadata import fields
from ..metadata.errors import InvalidContent
from ..names import normalize, shown
from . import backends
from .pep508 import parse_requirement

#: What builds an sdist that says nothing.
DEFAULT = ("setuptools", "wheel")

_WANTED = re.compile(r"pyproject\.toml|hatch\.toml|setup\.cfg|setup\.py|CMakeLists\.txt|PKG-INFO|"
                     r"(?:[^/]+/){0,2}[^/]+\.egg-info/requires\.txt")
#: Below EGG-INFO.
_IN_EGG = re.compile(r"PKG-INFO|requires\.txt")


class Sdist(NamedTuple):
    """What an sdist, or an egg, states about itself."""

    #: Requirements to build it (PEP 508).
    build_requires: tuple[str, ...]
    #: The core metadata, or None. May lack the run-time requirements: see ``requires``.
    metadata: bytes | None = None
    #: Run-time requirements (PEP 508), or None where they are known only by building.
    requires: tuple[str, ...] | None = None
    #: Lines about what could not be read, and what is assumed instead.
    problems: tuple[str, ...] = ()
    #: Lines about what it may need beyond that.
    notes: tuple[str, ...] = ()


def read_sdist(stream: IO[bytes], filename: str) -> Sdist:
    """Read an sdist or an egg. stream: seekable. One that can't be read counts as one that says nothing, with a problem."""
    problems: list[str] = []
    egg = filename.endswith(".egg")
    try:
        found = read_sdist_files(stream, f"{filename}.zip", _IN_EGG) if egg else read_sdist_files(stream, filename, _WANTED)
    except ValueError as error:
        told = "" if egg else "; setuptools and wheel are taken to build it"
        return Sdist(() if egg else DEFAULT, problems=(f"{filename}: can't be read ({error}){told}",))
    metadata = found.get("PKG-INFO")
    text = next((found[name] for name in sorted(found) if name.endswith("requires.txt")), None)
    requires = None if text is None else _egg_requires(text)
    if egg:
        return Sdist((), metadata, requires)
    notes: list[str] = []
    build = _build_requires(found, filename, _requires_dist(metadata) if requires is None else requires, problems, notes)
    return Sdist(build, metadata, requires, tuple(problems), tuple(f"{filename}: {note}" for note in notes))


def _build_requires(found: dict[str, bytes], filename: str, requires_dist: tuple[str, ...], problems: list[str],
                    notes: list[str]) -> tuple[str, ...]:
    pyproject = _toml(found, "pyproject.toml", filename, problems)
    build_system = pyproject.get("build-system")
    stated = build_system.get("requires") if isinstance(build_system, dict) else None
    requires = _valid(stated if isinstance(stated, list) else DEFAULT, f"{filename}: build-system.requires", problems)
    content = backends.SdistContent(
        pyproject, _toml(found, "hatch.toml", filename, problems), _setup_requires(found.get("setup.cfg")),
        found.get("setup.py", b""), found.get("CMakeLists.txt", b""), requires_dist)
    more = backends.backend_requirements(content, [normalize(requirement.name) for requirement in requires])
    notes += more.notes
    # Places within the sdist are none of an index.
    requires += _valid([text for text in more.requires if "{" not in text], f"{filename}: build requirement", problems)
    return tuple(dict.fromkeys(map(str, requires)))


def _valid(texts: Iterable[object], where: str, problems: list[str]) -> list[Requirement]:
    found: list[Requirement] = []
    for text in texts:
        try:
            found.append(parse_requirement(text if isinstance(text, str) else ""))
        except InvalidRequirement:
            problems.append(f"{where}: {shown(str(text))!r} is not a requirement")
    return found


def _toml(found: dict[str, bytes], name: str, filename: str, problems: list[str]) -> dict[str, Any]:
    """Parse a file of the sdist; an empty table where there is none."""
    try:
        return loads(found.get(name, b""))
    except ValueError as error:
        assumed = "; setuptools and wheel are taken to build it" if name == "pyproject.toml" else ""
        problems.append(f"{filename}: {name}: {shown(str(error))}{assumed}")
        return {}


def _requires_dist(metadata: bytes | None) -> tuple[str, ...]:
    try:
        return tuple(fields(metadata or b"").get("requires-dist", ()))
    except InvalidContent:
        return ()  # reported where they are followed


def _setup_requires(content: bytes | None) -> tuple[str, ...]:
    """Return ``setup_requires`` of a setup.cfg; nothing where it can't be read: setuptools reads it itself later."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((content or b"").decode())
        text = parser.get("options", "setup_requires", fallback="").strip()
        lines = text.splitlines() if "\n" in text else text.split(";")
        return tuple(str(parse_requirement(line)) for line in map(str.strip, lines) if line and not line.startswith("#"))
    except (configparser.Error, ValueError, RecursionError):
        return ()


def _egg_requires(content: bytes) -> tuple[str, ...]:
    """Turn setuptools' requires.txt into requirements: sections are ``[extra:marker]``."""
    found: list[str] = []
    condition = ""
    for line in content.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            parts = [f'extra == "{extra}"'] if extra else []
            condition = " and ".join([*([f"({marker})"] if marker else []), *parts])
        elif line and not line.startswith("#"):
            text = f"{line} ; {condition}" if condition else line
            try:
                found.append(str(parse_requirement(text)))
            except InvalidRequirement:
                continue
    return tuple(found)
