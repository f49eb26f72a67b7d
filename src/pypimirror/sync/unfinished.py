"""Finds projects whose pages differ from the state, since a run ended before it wrote them."""

from __future__ import annotations

from collections.abc import Iterator

from ..interfaces import IRunContext
from ..state import records
from ..state.database import State
from .publish import rendered


def unfinished(mirror: IRunContext, state: State) -> Iterator[str]:
    """Yield the names of these projects. Those that failed before anything of them changed are not among them."""
    return (name for name, is_begun in state.pending() if is_begun or _has_other_pages(mirror, state, name))


def _has_other_pages(mirror: IRunContext, state: State, name: str) -> bool:
    row, record = state.row(name), state.record(name)
    if row is None or not row.serial:
        return False
    if record is None:
        return True
    pages = rendered(mirror, records.decode(record).published(), row.serial)
    return any(mirror.storage.read(path) != page for path, page in pages.items())
