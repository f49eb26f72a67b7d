"""Finds older distributions that are installed in the same environment and overwrite files of this one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

#: What each of them has in common with this distribution.
_SHARED = {"pypimirror": "a package of the same name", "z3c.pypimirror": "a script of the same name"}
_INSTALLED = re.compile(r"(pypimirror|z3c[._]pypimirror)-(\d[^-/]*)(?:-[^/]*)?\.(?:dist-info|egg-info|egg)", re.IGNORECASE)


def warnings() -> Iterator[str]:
    """Yield a warning about each of them. Lists the folders of ``sys.path``; importlib.metadata takes much longer."""
    for folder in dict.fromkeys(sys.path):
        try:
            names = [*os.listdir(folder or os.curdir), os.path.basename(folder)]
        except OSError:
            continue
        for match in filter(None, map(_INSTALLED.fullmatch, names)):
            name = match[1].lower().replace("_", ".")
            yield (f"{name} {match[2]} is installed in {folder} and has {_SHARED[name]}: remove it (pip uninstall {name}), and "
                   "install z3c.recipe.pypimirror again")
