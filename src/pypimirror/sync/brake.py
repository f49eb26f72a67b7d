"""The safety brake: holds back removals that follow from upstream's pages or remote pin files if they exceed max_deletions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..interfaces import ISettings
from ..model import Change, Totals

#: Removals that are always allowed: in a small mirror a share means little.
_ALWAYS = 10


class Removals(NamedTuple):
    """Numbers of removals that follow from upstream's pages or from remote pin files."""

    projects: int = 0
    files: int = 0


def counted(changes: Iterable[Change], pins: bool) -> Removals:
    """Count removals, except those that follow from an edited configuration or from upstream's quarantine.

    pins: whether releases that are no longer pinned count, because a remote pin file has changed and the configuration has not.
    """
    projects = files = 0
    for change in changes:
        removed = change.remove if pins and not change.quarantined else change.remove_upstream
        files += removed
        projects += change.project_removed and (pins or change.removed_upstream)
    return Removals(projects, files)


def too_many(removals: Removals, totals: Totals, share: float) -> str | None:
    """Return a text with the numbers of removals if they are too many, or None.

    totals: the mirror's present totals; share: ``max_deletions``.
    """
    parts = []
    for count, total, what in ((removals.projects, totals.projects, "projects"), (removals.files, totals.files, "files")):
        if count > _ALWAYS and count > share * total:
            parts.append(f"{count} of {total} {what}")
    return " and ".join(parts) or None


def held(changes: Iterable[Change], totals: Totals, share: float, pins: bool, doubt: str | None) -> str | None:
    """Return the message about removals that are held back, or None if they are allowed.

    pins: see ``counted``. doubt: why upstream's list is doubted, or None.
    """
    much = too_many(counted(changes, pins), totals, share)
    if not (doubt or much):
        return None
    whose = "upstream or a pin file" if pins else "upstream"
    why = (f"{doubt}: nothing is removed" if doubt else
           f"removals are held back: {whose} would take away {much}, more than max_deletions allows")
    return f"{why}; if that is right, run again with --allow-deletions"


def has_pins_from_elsewhere(settings: ISettings) -> bool:
    """Whether a pin file comes from a URL, so that its content may change without the site's knowledge."""
    return any("://" in source for key in ("versions", "requirements") for source in settings[key])
