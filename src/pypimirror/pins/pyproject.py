"""Reads the pins of a pyproject.toml: dependency groups (PEP 735) and uv's constraints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement

from ..metadata.bounded_toml import loads, table_at
from ..names import is_project, normalize, shown
from .environments import Environment
from .included_files import Read
from .locked_packages import left_out, parse_document
from .model import InvalidPins, redact
from .requirements import Line, Requirements, exact

_CONSTRAINTS = "constraint-dependencies"
_ADVICE = "name its lock file, or one that is exported from it (uv export, pdm export, pip-compile)"


def read_pyproject(root: str, read: Read, environments: Iterable[Environment]) -> Requirements:
    """Read all dependency groups and ``constraint-dependencies`` of ``[tool.uv]``. Raises FetchError, InvalidPins."""
    where = redact(root)
    data = parse_document(loads, root, read)
    constraints = table_at(data, "tool", "uv").get(_CONSTRAINTS)
    entries = [*_grouped(table_at(data, "dependency-groups"), where),
               *((_CONSTRAINTS, text) for text in (constraints if isinstance(constraints, list) else [constraints]))]
    lines, notes = [], []
    for number, (key, text) in enumerate(entries, 1):
        if text is None:
            continue
        requirement = _requirement(text, f"{where}: {key}")
        if requirement.url is not None:
            notes.append(left_out(where, requirement.name))
        else:
            lines.append(Line(requirement, frozenset(), key == _CONSTRAINTS, root, number))
    if not any(exact(line.requirement) for line in lines):
        raise InvalidPins(f"{where}: a pyproject.toml that pins nothing by == in dependency-groups or {_CONSTRAINTS} of uv; "
                          f"{_ADVICE}")
    return Requirements(root, tuple(lines), tuple(dict.fromkeys(notes)))


def _grouped(groups: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    """Yield the requirements of all groups, each with its key; a group that another one includes is read in its place."""
    for name, group in groups.items():
        key = f"dependency-groups.{shown(name)}"
        if not isinstance(group, list):
            raise InvalidPins(f"{where}: {key} is not a list")
        yield from ((key, entry) for entry in group if not (isinstance(entry, dict) and "include-group" in entry))


def _requirement(text: Any, where: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidPins(f"{where}: {shown(repr(text))} is no requirement") from error
    if not is_project(normalize(requirement.name)):
        raise InvalidPins(f"{where}: {shown(requirement.name)!r} is not the name of a project")
    return requirement
