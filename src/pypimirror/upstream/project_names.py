"""Guesses the project of a distribution from its file name, for directories without an index.

Wheels and eggs escape dashes in names, and so do sdists since PEP 625. Older sdists don't: ``demo-2-1.0.tar.gz`` may be of
``demo-2``, or the version ``2-1.0`` of ``demo``. For those the core metadata in the file decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..metadata.filenames import parse
from ..names import SUFFIXES, is_project, normalize

_VERSION = re.compile(r"v?\d")
_ESCAPED = (".whl", ".egg")
#: Formats with other rules for names.
_FOREIGN = (".deb",)


def guess_project(filename: str, metadata_name: Callable[[], str | None]) -> str | None:
    """Return the normalised name of the project, or None if it can't be determined.

    metadata_name: returns the name in the file's core metadata, or None; called only if the file name is ambiguous.
    """
    suffix = next((suffix for suffix in SUFFIXES if filename.endswith(suffix)), None)
    if suffix is None or suffix in _FOREIGN:
        return None
    stem = filename[:-len(suffix)]
    starts = _version_starts(stem)
    if suffix in _ESCAPED:
        starts = starts[:1] if starts and starts[0] == stem.find("-") else []
    elif len(starts) > 1:
        name = normalize(metadata_name() or "")
        if name and parse(filename, name).version is not None:
            return name
    name = normalize(stem[:starts[0]]) if starts else ""
    # A wheel's name must be valid as a whole.
    return name if is_project(name) and (suffix != ".whl" or parse(filename, name).version is not None) else None


def _version_starts(stem: str) -> list[int]:
    """Return the positions of dashes before a possible version: nearly all versions begin with a digit."""
    return [match.start() for match in re.finditer("-", stem) if _VERSION.match(stem, match.end())]
