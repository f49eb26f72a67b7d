"""The safety brake: holds back removals that follow from no edited configuration.

They follow from upstream's pages, from remote pin files, from advisories or from filters of plugins, and exceed max_deletions;
or a filter of a plugin would empty the mirror. What follows from an edited configuration is not held back, nor are the removals
of urgent filters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..interfaces import IRunContext, ISettings
from ..model import Change, Totals
from ..settings.values import fingerprint
from ..state.database import State
from ..state.meta_keys import OWN_SETTINGS
from . import filter_removals

#: Removals that are always allowed: in a small mirror a share means little.
_ALWAYS = 10


class Removals(NamedTuple):
    """Numbers of removals that count."""

    projects: int = 0
    files: int = 0


class Verdict(NamedTuple):
    """Removals that are held back."""

    message: str
    #: Which ones, see ``PublishTask.hold``.
    hold: str


def judge(mirror: IRunContext, state: State, changes: Collection[Change], totals: Totals, doubt: str | None) -> Verdict | None:
    """Return which removals of a run are held back, and why; None if all are allowed.

    changes: of all projects evaluated so far. totals: before the run. doubt: why upstream's list is doubted, or None.
    """
    settings = mirror.settings
    pins = state.fact(OWN_SETTINGS) == fingerprint(settings, "files") and has_pins_from_elsewhere(settings)
    share = settings["max_deletions"]
    found = _filters(mirror, state, changes, totals, share)
    if found is not None and doubt is None:
        return Verdict(_advised(f"removals are held back: {found}"), "all")
    message = held(changes, totals, share, pins, doubt)
    if message is None:
        return None
    return Verdict(message, "all" if pins or found is not None else "upstream")


def counted(changes: Iterable[Change], pins: bool) -> Removals:
    """Count removals, except those that follow from an edited configuration, from upstream's quarantine or from urgent filters.

    pins: whether releases that are no longer pinned count, because a remote pin file has changed and the configuration has not.
    """
    projects = files = 0
    for change in changes:
        removed = change.remove - change.remove_urgent if pins and not change.quarantined else change.remove_upstream
        files += removed
        projects += change.project_removed and (pins or change.removed_upstream)
    return Removals(projects, files)


def counted_of_filters(changes: Iterable[Change], filters: Collection[str]) -> Removals:
    """Count what these filters remove. filters: as in ``Change.removed_by``."""
    projects = files = 0
    for change in changes:
        excluded = sum(count for name, count in change.removed_by if name in filters)
        files += excluded
        projects += change.project_removed and excluded > 0
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
    """Return the message about removals of upstream that are held back, or None if they are allowed.

    pins: see ``counted``. doubt: why upstream's list is doubted, or None.
    """
    much = too_many(counted(changes, pins), totals, share)
    if not (doubt or much):
        return None
    whose = "upstream or a pin file" if pins else "upstream"
    return _advised(f"{doubt}: nothing is removed" if doubt else
                    f"removals are held back: {whose} would take away {much}, more than max_deletions allows")


def held_bundle(removals: Removals, totals: Totals, share: float) -> str | None:
    """Return the message about removals of an imported bundle that are held back, or None if they are allowed."""
    much = too_many(removals, totals, share)
    return None if much is None else _advised(
        f"removals are held back: the bundle would take away {much}, more than max_deletions allows")


def has_pins_from_elsewhere(settings: ISettings) -> bool:
    """Whether a pin file comes from a URL, so that its content may change without the site's knowledge."""
    return any("://" in source for key in ("versions", "requirements") for source in settings[key])


def _filters(mirror: IRunContext, state: State, changes: Collection[Change], totals: Totals, share: float) -> str | None:
    """Return a text about the removals of plugins' filters if they are too many, or None."""
    if not any(change.removed_by for change in changes):
        return None
    counting: Collection[str] = filter_removals.of_plugins(mirror).keys()
    removed = counted_of_filters(changes, counting).files
    if removed and _empties(changes, totals):
        told = f"{removed} of {totals.files} files, and the mirror would be empty"
    else:
        counting = filter_removals.unproven(mirror, state)
        much = too_many(counted_of_filters(changes, counting), totals, share)
        if much is None:
            return None
        told = f"{much}, more than max_deletions allows"
    names = dict.fromkeys(name for change in changes for name, _ in change.removed_by if name in counting)
    return f"{' and '.join(filter_removals.label(mirror, name) for name in names)} would remove {told}"


def _empties(changes: Collection[Change], totals: Totals) -> bool:
    """Return whether no file of the mirror would be left."""
    return 0 < totals.files <= sum(change.remove for change in changes) and not any(change.fetch for change in changes)


def _advised(message: str) -> str:
    return f"{message}; if that is right, run again with --allow-deletions"
