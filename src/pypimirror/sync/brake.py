"""The safety brake: holds removals back that upstream asks for and that are too many to be meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..interfaces import ISettings
from ..model import Change, Totals

#: So many may always go: in a small mirror a share means little.
_ALWAYS = 10


class Removals(NamedTuple):
    """What a run would take away because of upstream or of pin files from elsewhere."""

    projects: int = 0
    files: int = 0


def counted(changes: Iterable[Change], pins: bool) -> Removals:
    """Count removals.

    pins: whether releases that are no longer pinned count, too, because pin files come from elsewhere and the configuration is
    the same as before. What follows from an edited configuration does not count, nor does what upstream quarantined.
    """
    projects = files = 0
    for change in changes:
        removed = change.remove if pins and not change.quarantined else change.remove_upstream
        files += removed
        projects += change.project_removed and (pins or change.removed_upstream)
    return Removals(projects, files)


def too_many(removals: Removals, totals: Totals, share: float) -> str | None:
    """Say in words what would be removed if that is too much, or return None.

    totals: what is mirrored now; share: ``max_deletions``.
    """
    parts = []
    for count, total, what in ((removals.projects, totals.projects, "projects"), (removals.files, totals.files, "files")):
        if count > _ALWAYS and count > share * total:
            parts.append(f"{count} of {total} {what}")
    return " and ".join(parts) or None


def held(changes: Iterable[Change], totals: Totals, share: float, pins: bool, doubt: str | None) -> str | None:
    """Say in words why removals are to be held back, whose wish they are, and what to do; None if they may go on.

    pins: see ``counted``. doubt: what is wrong with upstream's list, or None.
    """
    much = too_many(counted(changes, pins), totals, share)
    if not (doubt or much):
        return None
    whose = "upstream or a pin file" if pins else "upstream"
    why = (f"{doubt}: nothing is removed" if doubt else
           f"removals are held back: {whose} would take away {much}, more than max_deletions allows")
    return f"{why}; if that is right, run again with --allow-deletions"


def has_pins_from_elsewhere(settings: ISettings) -> bool:
    """Whether a pin file comes from a URL, so that somebody else decides what it pins."""
    return any("://" in source for key in ("versions", "requirements") for source in settings[key])
