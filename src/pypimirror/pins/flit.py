"""Finds out whether flit imports the module of an sdist to build it, for which it requests the run-time requirements.

flit takes version and description that pyproject.toml lacks from the module, without an import if both are literals
(``flit_core.buildapi``, ``flit_core.common``).
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping
from typing import Any

from ..metadata.bounded_toml import table_at
from .setup_py import literals

_BLANK = frozenset({tokenize.ENCODING, tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE})
#: Files of a package that flit reads for the version only.
_VERSION_FILES = r"version|_version|__version__"
_IN_PACKAGE = re.compile(rf".*/(?:{_VERSION_FILES})\.py")


def module_files(filename: str) -> str:
    """Return a regular expression for the paths of the module's files in an sdist, if it is named like the project."""
    name = "[-_./]".join(map(re.escape, re.split(r"[-_.]+", filename.rpartition("-")[0])))
    return rf"(?i:(?:src/)?{name}(?:/(?:__init__|{_VERSION_FILES}))?\.py)"


def wanted_from_module(pyproject: Mapping[str, Any]) -> frozenset[str]:
    """Return which of version and description flit takes from the module."""
    project = table_at(pyproject, "project")
    dynamic = project.get("dynamic")
    stated = dynamic if isinstance(dynamic, list) else []
    if not project:  # the older ``tool.flit.metadata`` has neither
        stated = ["version", "description"] if table_at(pyproject, "tool", "flit", "metadata") else []
    return frozenset({"version", "description"}.intersection(text for text in stated if isinstance(text, str)))


def is_imported(wanted: frozenset[str], modules: Mapping[str, bytes]) -> bool:
    """Return whether flit finds what it wants only by an import. modules: contents by path, see ``module_files``."""
    mains = (content for path, content in modules.items() if not _IN_PACKAGE.fullmatch(path))
    if "description" in wanted and not any(map(_has_docstring, mains)):
        return True
    return "version" in wanted and not any(literals(content, "__version__").requires for content in modules.values())


def _has_docstring(content: bytes) -> bool:
    try:
        for token in tokenize.tokenize(io.BytesIO(content).readline):
            if token.type not in _BLANK:
                return token.type == tokenize.STRING and token.string[:1] in "\"'rRuU"
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return False
