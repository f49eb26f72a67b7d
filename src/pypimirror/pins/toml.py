"""TOML on every Python: its own parser from 3.11 on, the one that it was made from (tomli) before."""

import importlib
import sys
from typing import Any

#: Characters of one line: a key of very many parts takes the parser minutes.
_LONGEST = 1 << 14


def parsed(text: str) -> dict[str, Any]:
    """Read a TOML document. Raises ValueError, which says line and column."""
    number = next((number for number, line in enumerate(text.split("\n"), 1) if len(line) > _LONGEST), None)
    if number is not None:
        raise ValueError(f"line {number} is longer than {_LONGEST} characters")
    parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        data: dict[str, Any] = parser.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return data
