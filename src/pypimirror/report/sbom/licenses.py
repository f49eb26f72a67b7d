"""The licences of an SBOM's components as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...names import shown
from ...sbom.model import Component

#: The version of the JSON; new fields do not change it.
VERSION = 1
_WIDEST = 60
_UNKNOWN = "unknown"


def table_lines(components: Iterable[Component]) -> Iterator[str]:
    """Yield the lines of the table, those of unknown licences at the end, and one with the totals."""
    rows = [(f"{each.name} {each.version}", shown(each.license.label or _UNKNOWN, _WIDEST), each.license.source)
            for each in components]
    rows.sort(key=lambda row: not row[2])
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    for row in rows:
        yield "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[2])).rstrip()
    unknown = sum(not row[2] for row in rows)
    yield f"{len(rows)} releases, {unknown} without a known licence"


def as_json(components: Iterable[Component], problems: Iterable[str]) -> dict[str, Any]:
    """Return the licences as ``sbom --licenses --json`` prints them. problems: read after the components."""
    releases = [{
        "project": each.project, "name": each.name, "version": each.version, "license": each.license.label or None,
        "expressions": list(each.license.expressions), "source": each.license.source or None,
        "license_files": list(each.license_files),
    } for each in components]
    return {"licenses_version": VERSION, "releases": releases, "problems": list(problems)}
