"""Loads pycurl without its integration with asyncio.

For that, newer releases import ``dataclasses`` and with it ``inspect``, a twelfth of a run in which nothing changed. A later
import of pycurl loads all of it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

_EXTENSION = "pycurl._pycurl"


def _load() -> Any:
    """Return pycurl's extension module if pycurl is a package that has one, else pycurl. Raises ImportError."""
    package = find_spec("pycurl") if "pycurl" not in sys.modules else None
    inner = None
    if package is not None and package.submodule_search_locations is not None:
        inner = PathFinder.find_spec(_EXTENSION, package.submodule_search_locations)
    if inner is None or inner.loader is None:
        return import_module("pycurl")
    module = module_from_spec(inner)
    inner.loader.exec_module(module)
    sys.modules[_EXTENSION] = module  # where the package looks for it
    return module


pycurl: Any = _load()
