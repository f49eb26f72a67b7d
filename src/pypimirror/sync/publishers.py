"""Compares the publishers of a new release with those of the release before it, by their provenance (PEP 740)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from ..interfaces import IRunContext
from ..metadata.errors import InvalidContent
from ..metadata.filenames import parse, pep440
from ..metadata.provenance import publishers
from ..model import File
from ..names import PROVENANCE

if TYPE_CHECKING:
    from packaging.version import Version


def changed_publishers(mirror: IRunContext, project: str, files: Iterable[File], new: Collection[str]) -> Iterator[str]:
    """Yield a message about each new release with other publishers than the release before it, or with none any more.

    files: those that are published; new: the names of those that this run has fetched.
    """
    releases: dict[Version, list[File]] = {}
    for file in files:
        parsed = pep440(parse(file.filename, project).version or "")
        if parsed is not None:
            releases.setdefault(parsed, []).append(file)
    before: frozenset[str] = frozenset()
    for version, of_release in sorted(releases.items(), key=lambda item: item[0]):
        found = frozenset[str]().union(*(_publishers(mirror, project, file) for file in of_release))
        if before and not found & before and any(file.filename in new for file in of_release):
            now = f"published by {', '.join(sorted(found))}" if found else "without provenance"
            yield f"{version} is {now}; the release before it was published by {', '.join(sorted(before))}"
        before = found or before


def _publishers(mirror: IRunContext, project: str, file: File) -> frozenset[str]:
    if file.stored is None or not file.stored.provenance:
        return frozenset()
    body = mirror.storage.read(f"{project}/{file.filename}{PROVENANCE}")
    try:
        return frozenset() if body is None else publishers(body)
    except InvalidContent:
        return frozenset()
