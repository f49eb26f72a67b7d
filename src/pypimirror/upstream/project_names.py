"""Which project a distribution belongs to, where no index tells and its file name alone must.

Wheels and eggs escape dashes in names, and so do sdists since PEP 625. Older sdists don't: ``demo-2-1.0.tar.gz`` may be of
``demo-2``, or the version ``2-1.0`` of ``demo``. Then its own core metadata count.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..metadata.filenames import parse
from ..names import SUFFIXES, is_project, normalize

_VERSION = re.compile(r"v?\d")
_ESCAPED = (".whl", ".egg")
#: Debian names its packages by rules of its own.
_FOREIGN = (".deb",)


def owner(filename: str, told: Callable[[], str | None]) -> str | None:
    """Return the normalised name of the project, or None where nothing tells it.

    told: gives the name that the file's own core metadata have, or None; called only where the file name is not enough.
    """
    suffix = next((suffix for suffix in SUFFIXES if filename.endswith(suffix)), None)
    if suffix is None or suffix in _FOREIGN:
        return None
    stem = filename[:-len(suffix)]
    # A name is followed by a version, and nearly all versions begin with a digit.
    starts = [match.start() for match in re.finditer("-", stem) if _VERSION.match(stem, match.end())]
    if suffix in _ESCAPED:
        starts = starts[:1] if starts and starts[0] == stem.find("-") else []
    elif len(starts) > 1:
        name = normalize(told() or "")
        if name and parse(filename, name).version is not None:
            return name
    name = normalize(stem[:starts[0]]) if starts else ""
    # A wheel's name tells more than that, and has to make sense as a whole.
    return name if is_project(name) and (suffix != ".whl" or parse(filename, name).version is not None) else None
