"""``init``: writes a short configuration file from three questions, or from options."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable
from textwrap import dedent
from typing import NamedTuple, TypeVar

from ..errors import ConfigurationError
from ..http.configured_url import hidden
from ..settings import converters
from ..settings.reader import in_directory

_T = TypeVar("_T")
_FILENAME = "pypimirror.cfg"
_PATTERN = re.compile(r"[A-Za-z0-9*?\[][A-Za-z0-9._*?!\[\]-]*")
_HEAD = """\
# Configuration of a mirror: pypimirror THIS-FILE plan, then sync
# All keys: pypimirror config --example
[DEFAULT]
"""
_WHERE = """\

# The place of the mirror; a relative path starts at the folder of this file.
mirror_file_path = {0}
"""
_STATE = """\

# Database, lock and log of a mirror in an object store.
state_path = state
"""
_PACKAGES = """\

# The projects to mirror: names, or patterns such as zope.*; one or more a line.
package_matches ={0}
"""
_PINS = """\

# The files whose pins are mirrored: versions.cfg, requirements, constraints or pylock.toml.
{0} ={1}
"""
_PYTHONS = """\

# Wheels for other Pythons are left out; sdists are kept.
python_versions = {0}
"""


class Answers(NamedTuple):
    """The checked answers."""

    packages: tuple[str, ...]
    pins: tuple[str, ...]
    pythons: tuple[str, ...]
    mirror: str


def run(config: str, arguments: argparse.Namespace) -> int:
    """Write the configuration file of a new mirror."""
    if len(arguments.words) > 1:
        raise ConfigurationError("init takes one DIRECTORY")
    folder = os.path.abspath(arguments.words[0] if arguments.words else os.curdir)
    path = os.path.join(folder, _FILENAME)
    if os.path.lexists(path):
        raise ConfigurationError(f"{path}: already exists; edit it, or name another DIRECTORY")
    text = render(_collect_answers(folder, arguments), folder)
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be written: {error.strerror}") from error
    if not arguments.quiet:
        relative = os.path.relpath(path)
        name = shlex.quote(path if relative.startswith(os.pardir) else relative)
        print(f"{path} written. Next:\n    pypimirror {name} plan\n    pypimirror {name} sync")
    return 0


def render(answers: Answers, folder: str) -> str:
    """Return the text of the configuration file. folder: of the file."""
    parts = [_HEAD, _WHERE.format(_relative_path(answers.mirror, folder))]
    if not in_directory(answers.mirror):
        parts.append(_STATE)
    if answers.packages:
        parts.append(_PACKAGES.format(_format_list(answers.packages)))
    by_key: dict[str, list[str]] = {}
    for pin in answers.pins:
        by_key.setdefault("versions" if pin.endswith(".cfg") else "requirements", []).append(_relative_path(pin, folder))
    parts.extend(_PINS.format(key, _format_list(pins)) for key, pins in by_key.items())
    if answers.pythons:
        parts.append(_PYTHONS.format(" ".join(answers.pythons)))
    return "".join(parts)


def _collect_answers(folder: str, arguments: argparse.Namespace) -> Answers:
    """Return the answers: the values of options, and on a terminal those to questions. Raises ConfigurationError."""
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    packages = _convert_option("--packages", " ".join(arguments.packages or ()), _parse_packages)
    pins = tuple(_convert_option("--pins", pin, _parse_pin_file) for pin in arguments.pins or ())
    if arguments.all:
        packages = ("*",)
    if not packages and not pins:
        if not asks:
            raise ConfigurationError("init: which packages? Name them with --packages 'NAME ...', --pins FILE or --all")
        packages, pins = _ask(dedent("""\
            Which packages? Names or patterns, such as: requests zope.*
            or a file of pins, such as: versions.cfg or requirements.txt; * for all of PyPI, many terabytes."""), "",
                              _parse_packages_and_pins)
    pythons: tuple[str, ...] = ()
    if arguments.pythons is not None:
        pythons = _convert_option("--pythons", arguments.pythons, _parse_pythons)
    elif asks:
        pythons = _ask("Which Pythons, such as 3.11 3.12? Wheels for others are left out.", "all", _parse_pythons)
    mirror = os.path.join(folder, "mirror")
    if arguments.mirror is not None:
        mirror = _convert_option("--mirror", arguments.mirror, _parse_location)
    elif asks:
        mirror = _ask("Where? A directory, or s3://bucket/prefix.", mirror, _parse_location)
    return Answers(packages, pins, pythons, mirror)


def _ask(question: str, default: str, kind: Callable[[str], _T]) -> _T:
    """Ask until the answer is valid. Raises ConfigurationError at the end of the input."""
    while True:
        print(question, f"[{default}] " if default else "> ", sep="\n", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise ConfigurationError("init: no answer; nothing was written")
        try:
            return kind(line.strip() or default)
        except ValueError as error:
            print(f"It must be {error}.", file=sys.stderr)


def _convert_option(option: str, text: str, kind: Callable[[str], _T]) -> _T:
    """Return the value of an option. kind: the converter. Raises ConfigurationError."""
    try:
        return kind(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} {hidden(text)!r}: must be {error}") from None


def _parse_packages(text: str) -> tuple[str, ...]:
    """Return the names and patterns. Raises ValueError."""
    words = tuple(text.split())
    for word in words:
        if not _PATTERN.fullmatch(word):
            raise ValueError(f"names or patterns such as requests or zope.*, not {hidden(word)!r}; versions go into a file of "
                             "pins")
    return words


def _parse_packages_and_pins(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and files of pins."""
    words = text.split()
    if not words:
        raise ValueError("at least one name, pattern or file")
    pins = [word for word in words if "/" in word or word.endswith((".cfg", ".txt", ".toml", ".in"))]
    return _parse_packages(" ".join(word for word in words if word not in pins)), tuple(map(_parse_pin_file, pins))


def _parse_pin_file(text: str) -> str:
    """Return the absolute path or the URL of a file of pins."""
    found = converters.paths(text, os.getcwd())
    if len(found) != 1:
        raise ValueError("one file or URL without blanks")
    if in_directory(found[0]) and not os.path.isfile(found[0]):
        raise ValueError(f"a file that exists, not {hidden(text)!r}")
    return str(found[0]) if in_directory(found[0]) else text


def _parse_pythons(text: str) -> tuple[str, ...]:
    return () if text.lower() == "all" else converters.python_versions(text.replace(",", " "), "")


def _parse_location(text: str) -> str:
    """Return the absolute path of a directory, or the URL. Raises ValueError."""
    if not text or text.startswith(("#", ";")):
        raise ValueError("a directory or s3://bucket/prefix")
    return converters.path(text, os.getcwd())


def _relative_path(path: str, folder: str) -> str:
    """Return a path as the file has it: relative if it is below the folder of the file."""
    below = in_directory(path) and path.startswith(os.path.join(folder, ""))
    return os.path.relpath(path, folder) if below else path


def _format_list(items: tuple[str, ...] | list[str]) -> str:
    return "".join(f"\n    {item}" for item in items)
