"""Derives the other forms of a flattened pin file: a buildout file, a constraints file, and a lock file (PEP 751)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from ..metadata.filenames import parse, pep440, release
from ..model import File
from ..names import normalize
from .environments import Environment, marker_values
from .pin_files import parse_flat

#: Characters of a pin file; larger ones have no other forms.
MAX_LENGTH = 1 << 20
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
#: In a lock file as ``render_lock`` writes it: the name of a package, and the beginning of a file's entry.
_PACKAGE = re.compile(r'name = "([^"\\]+)"')
_ADDRESS = re.compile(r'(\{ name = ("(?:[^"\\]|\\.)*"), )(?:url|path) = "(?:[^"\\]|\\.)*"(, size = )')
#: One Python on one system, as markers distinguish them: ``python_version``, ``sys_platform``, ``platform_machine``.
_Place = tuple[str, str, str]


class ConditionalPin(NamedTuple):
    """A pin of a project."""

    #: As written in the pin file.
    name: str
    version: str
    #: A marker (PEP 508), which is also a condition of zc.buildout; empty if it applies everywhere.
    condition: str


def conditional_pins(name: str, text: str, environments: Iterable[Environment]) -> tuple[ConditionalPin, ...]:
    """Return the pins of a flattened file by name, each with the environments that it applies in. Raises InvalidPins.

    name: of the file. If several releases of a project are pinned in one environment, the newest counts.
    """
    found: dict[tuple[str, str], set[_Place]] = {}
    everywhere = set()
    for environment in environments:
        place = _place(environment)
        everywhere.add(place)
        for project, versions in parse_flat(name, text, environment).versions.items():
            found.setdefault((project, max(versions, key=_order)), set()).add(place)
    written: dict[str, str] = {}
    for spelled in _NAME.findall(text):
        written.setdefault(normalize(spelled), spelled)
    return tuple(ConditionalPin(written.get(project, project), version, _condition(places, everywhere))
                 for (project, version), places in sorted(found.items()))


def _order(version: str) -> tuple[bool, object]:
    known = pep440(version)
    return known is not None, known or version


def _place(environment: Environment) -> _Place:
    values = marker_values(environment)
    return values["python_version"], values["sys_platform"], values["platform_machine"]


def _condition(places: set[_Place], everywhere: set[_Place]) -> str:
    """Return the shortest marker for some places."""
    if places == everywhere:
        return ""
    pythons, systems = {place[0] for place in places}, {place[1:] for place in places}
    if places == {place for place in everywhere if place[0] in pythons}:
        return " or ".join(f'python_version == "{python}"' for python in sorted(pythons, key=_order))
    if places == {place for place in everywhere if place[1:] in systems}:
        return " or ".join(f'sys_platform == "{system}" and platform_machine == "{machine}"'
                           for system, machine in sorted(systems))
    return " or ".join(f'python_version == "{python}" and sys_platform == "{system}" and platform_machine == "{machine}"'
                       for python, system, machine in sorted(places))


def render_versions(pins: Iterable[ConditionalPin]) -> str:
    """Return a buildout file."""
    sections: dict[str, list[str]] = {"": []}  # zc.buildout can't parse a file whose first section is conditional
    for pin in pins:
        sections.setdefault(pin.condition, []).append(f"{pin.name} = {pin.version}\n")
    return "\n".join(f"[versions{':' * bool(condition)}{condition}]\n{''.join(lines)}" for condition, lines in sections.items())


def render_constraints(pins: Iterable[ConditionalPin]) -> str:
    """Return a constraints file."""
    lines = (f"{pin.name}{'==' if pep440(pin.version) else '==='}{pin.version}{'; ' * bool(pin.condition)}{pin.condition}\n"
             for pin in pins)
    return "# For pip's --constraint option.\n" + "".join(lines)


def render_lock(pins: Iterable[ConditionalPin], files: Callable[[str], Iterable[File]], base_url: str | None) -> str:
    """Return a lock file (PEP 751) with the wheels and sdists of the pinned releases.

    Args:
        files: returns the published files of a project. A release without any is left out.
        base_url: of the mirror, for absolute links; without it, links are relative to the lock file.
    """
    lines = ['lock-version = "1.0"\n', 'created-by = "z3c.recipe.pypimirror"\n']
    for pin in pins:
        name = normalize(pin.name)
        own = [file for file in files(name) if pep440(pin.version) and _is_of(file, name, pin.version)]
        entries = list(_entries(name, own, base_url))
        if entries:
            lines += [f"\n[[packages]]\nname = {json.dumps(name)}\nversion = {json.dumps(pin.version)}\n",
                      f"marker = {json.dumps(pin.condition)}\n" if pin.condition else "", *entries]
    return "".join(lines)


def is_lock(name: str) -> bool:
    """Return whether a pin file of this name is one that ``render_lock`` has written."""
    return name.endswith(".toml")


def move_lock(text: str, base_url: str | None) -> str:
    """Return a lock file with the links of a mirror at another URL. base_url: as for ``render_lock``."""
    project = ""

    def moved(entry: re.Match[str]) -> str:
        return f"{entry[1]}{_address(base_url, project, json.loads(entry[2]))}{entry[3]}"

    lines = []
    for line in text.splitlines(keepends=True):
        if found := _PACKAGE.match(line):
            project = found[1]
        lines.append(_ADDRESS.sub(moved, line, count=1))
    return "".join(lines)


def _address(base_url: str | None, project: str, filename: str) -> str:
    """Return ``url`` or ``path`` of a file, with its key, as TOML."""
    if base_url:
        return f"url = {json.dumps(f'{base_url}/{project}/{quote(filename)}')}"
    return f"path = {json.dumps(f'../{project}/{filename}')}"


def _is_of(file: File, name: str, version: str) -> bool:
    found = parse(file.filename, name).version
    return found is not None and release(found) == release(version)


def _entries(name: str, files: Iterable[File], base_url: str | None) -> Iterator[str]:
    """Yield the entries of a release's files: one sdist, then the wheels."""
    by_kind: dict[str, list[File]] = {}
    for file in files:
        by_kind.setdefault(parse(file.filename, name).kind, []).append(file)
    # PEP 751 has one sdist; its name is the standard's (PEP 625) if there is one of that form.
    sdists = sorted(by_kind.get("sdist", ()), key=lambda file: not file.filename.endswith(".tar.gz"))
    if sdists:
        yield f"sdist = {_entry(name, sdists[0], base_url)}\n"
    if wheels := by_kind.get("wheel"):
        yield "wheels = [\n" + "".join(f"    {_entry(name, file, base_url)},\n" for file in wheels) + "]\n"


def _entry(name: str, file: File, base_url: str | None) -> str:
    assert file.stored is not None
    return (f'{{ name = {json.dumps(file.filename)}, {_address(base_url, name, file.filename)}, size = {file.stored.size}, '
            f'hashes = {{ sha256 = "{file.stored.sha256}" }} }}')
