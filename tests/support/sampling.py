"""Samples of matrices: each row with some of the columns, so that each column has its turn."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any


def pairs(rows: Sequence[Any], columns: Sequence[Any], most: int) -> list[tuple[Any, Any]]:
    """Return each row with ``most`` columns, the next row with the next ones; all with PYPIMIRROR_CASES=all."""
    if os.environ.get("PYPIMIRROR_CASES") == "all":
        return list(itertools.product(rows, columns))
    turns = itertools.cycle(columns)
    return [(row, column) for row in rows for column in itertools.islice(turns, most)]
