"""Reads build requirements and metadata of an sdist without running its code.

Build requirements: ``build-system.requires`` in pyproject.toml (PEP 518), and those that the backend adds (``backends``).
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from ..metadata.archives import read_sdist_files
from ..metadata.bounded_toml import loads
from ..metadata.core_metadata import fields
from ..metadata.errors import InvalidContent
from ..names import normalize, shown
from . import backends
from .flit import module_files
from .pep508 import parse_requirement

#: Build requirements of an sdist without ``build-system.requires``.
DEFAULT = ("setuptools", "wheel")
#: The end of a message about them.
_ASSUMED = "; setuptools and wheel are taken to build it"

_WANTED = (r"pyproject\.toml|hatch\.toml|setup\.cfg|setup\.py|CMakeLists\.txt|PKG-INFO|"
           r"(?:[^/]+/){0,2}[^/]+\.egg-info/requires\.txt")
#: Below EGG-INFO.
_IN_EGG = re.compile(r"PKG-INFO|requires\.txt")


class Sdist(NamedTuple):
    """Requirements and metadata of an sdist or an egg."""

    #: Requirements to build it (PEP 508).
    build_requires: tuple[str, ...]
    #: The core metadata, or None. It may lack the run-time requirements: see ``requires``.
    metadata: bytes | None = None
    #: Run-time requirements (PEP 508) from requires.txt, or None without it.
    requires: tuple[str, ...] | None = None
    #: Messages about parts that can't be read, and the assumptions in their place.
    problems: tuple[str, ...] = ()
    #: Messages about further requirements that are unknown.
    notes: tuple[str, ...] = ()


def read_sdist(stream: IO[bytes], filename: str) -> Sdist:
    """Read an sdist or an egg. stream: seekable. An unreadable file has the default requirements and a problem."""
    egg = filename.endswith(".egg")
    try:
        wanted = _IN_EGG if egg else re.compile(f"{_WANTED}|{module_files(filename)}")
        found = read_sdist_files(stream, f"{filename}.zip" if egg else filename, wanted)
    except ValueError as error:
        assumed = "" if egg else _ASSUMED
        return Sdist(() if egg else DEFAULT, problems=(f"{filename}: can't be read ({error}){assumed}",))
    if not egg:
        return read_source(found, filename)
    return Sdist((), found.get("PKG-INFO"), _requires(found))


def read_source(found: Mapping[str, bytes], filename: str) -> Sdist:
    """Read the files of a source tree by path. filename: of the sdist, or the folder, for messages."""
    problems: list[str] = []
    notes: list[str] = []
    metadata, requires = found.get("PKG-INFO"), _requires(found)
    build = _build_requires(found, filename, _requires_dist(metadata) if requires is None else requires, problems, notes)
    return Sdist(build, metadata, requires, tuple(problems), tuple(f"{filename}: {note}" for note in notes))


def _requires(found: Mapping[str, bytes]) -> tuple[str, ...] | None:
    """Return the run-time requirements in requires.txt, or None without it."""
    text = next((found[name] for name in sorted(found) if name.endswith("requires.txt")), None)
    return None if text is None else _egg_requires(text)


def _build_requires(found: Mapping[str, bytes], filename: str, requires_dist: tuple[str, ...], problems: list[str],
                    notes: list[str]) -> tuple[str, ...]:
    pyproject = _toml(found, "pyproject.toml", filename, problems)
    build_system = pyproject.get("build-system")
    stated = build_system.get("requires") if isinstance(build_system, dict) else None
    if build_system is not None and not isinstance(stated, list):  # mandatory (PEP 518): pip refuses to build it
        problems.append(f"{filename}: pyproject.toml: build-system.requires is missing or not a list{_ASSUMED}")
    requires = _valid(stated if isinstance(stated, list) else DEFAULT, f"{filename}: build-system.requires", problems)
    content = backends.SdistContent(
        pyproject, _toml(found, "hatch.toml", filename, problems), _setup_requires(found.get("setup.cfg")),
        found.get("setup.py", b""), found.get("CMakeLists.txt", b""), requires_dist,
        {path: content for path, content in found.items() if path.endswith(".py") and path != "setup.py"})
    more = backends.backend_requirements(content, [normalize(requirement.name) for requirement in requires])
    notes += more.notes
    # ``{root:uri}`` and the like refer to folders in the sdist, not to releases.
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


def _toml(found: Mapping[str, bytes], name: str, filename: str, problems: list[str]) -> dict[str, Any]:
    """Parse a TOML file of the sdist; return an empty table if it is missing or invalid."""
    try:
        return loads(found.get(name, b""))
    except ValueError as error:
        assumed = _ASSUMED if name == "pyproject.toml" else ""
        problems.append(f"{filename}: {name}: {shown(str(error))}{assumed}")
        return {}


def _requires_dist(metadata: bytes | None) -> tuple[str, ...]:
    try:
        return tuple(fields(metadata or b"").get("requires-dist", ()))
    except InvalidContent:
        return ()  # reported by the reader of run-time requirements


def _setup_requires(content: bytes | None) -> tuple[str, ...]:
    """Return ``setup_requires`` of a setup.cfg; nothing if it is invalid: setuptools reports that when it builds."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((content or b"").decode())
        text = parser.get("options", "setup_requires", fallback="").strip()
        lines = text.splitlines() if "\n" in text else text.split(";")
        return tuple(str(parse_requirement(line)) for line in map(str.strip, lines) if line and not line.startswith("#"))
    except (configparser.Error, ValueError, RecursionError):
        return ()


def _egg_requires(content: bytes) -> tuple[str, ...]:
    """Convert setuptools' requires.txt to requirements; its sections are ``[extra:marker]``. Malformed lines stay."""
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
                found.append(line)
    return tuple(found)
