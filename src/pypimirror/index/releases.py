"""The files of a project grouped by release, for pages that show releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..metadata.filenames import parse, pep440
from ..model import File, Project

#: Files by version, oldest version first.
Releases = Mapping[str, list[File]]


def releases(project: Project) -> Releases:
    """Group the files by release; files without a version in their names are left out."""
    found: dict[Any, tuple[str, list[File]]] = {}
    for file in project.files:
        version = parse(file.filename, project.name).version
        if version:
            known = pep440(version)
            # Files of one release may spell its version in several ways.
            _, files = found.setdefault(known or version.lower(), (str(known or version), []))
            files.append(file)
    ordered = sorted(found, key=lambda key: (not isinstance(key, str), key))
    return dict(found[key] for key in ordered)


def newest_release(found: Releases) -> str:
    """Return the newest release, if possible a final one that is not yanked; an empty string without releases."""

    def rank(version: str) -> tuple[bool, bool]:
        known = pep440(version)
        return not is_yanked(found[version]), known is not None and not known.is_prerelease

    # Releases are sorted: reversed, the newest of the best ones is the first.
    return max(reversed(list(found)), key=rank, default="")


def is_yanked(files: list[File]) -> bool:
    """Return whether all files of a release are yanked."""
    return all(file.yanked is not False for file in files)


def yank_reason(files: list[File]) -> str | None:
    """Return why a release was yanked, or None if no file has a reason."""
    return next((file.yanked for file in files if isinstance(file.yanked, str)), None)
