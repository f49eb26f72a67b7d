"""Which projects a run looks at: upstream's list and the configuration, held against what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .events import Listed
from .interfaces import IMirror
from .look import LookTask
from .model import Listing
from .settings.fingerprint import fingerprint
from .state.database import State

#: Names of facts in the state.
LIST_ETAG, FILES_SETTINGS, PAGES_SETTINGS = "list_etag", "files_settings", "pages_settings"


class Agenda(NamedTuple):
    """What there is to look at."""

    tasks: Iterator[LookTask]
    projects: int
    #: To be remembered once all were looked at.
    etag: str | None
    listed: Listed | None


def drawn_up(mirror: IMirror, state: State, initial: bool) -> Agenda:
    """Ask upstream for its list, if that is needed at all, and say which projects are to be looked at.

    initial: whether everything is to be looked at again. Raises FetchError, BadPage.
    """
    changed = state.fact(FILES_SETTINGS) != fingerprint(mirror.settings, "files")
    again = changed or state.fact(PAGES_SETTINGS) != fingerprint(mirror.settings, "pages")
    if mirror.selection.exact is not None:
        return _one_by_one(mirror, state, initial, again)
    known_etag = state.fact(LIST_ETAG)
    listing = mirror.source.listing(mirror.selection.wanted, None if initial or changed else known_etag)
    if listing.unchanged:
        plan = _unfinished(state, again)
    else:
        plan = _compared(mirror, state, listing, initial, again)
    listed = Listed(listing.total, len(listing.projects), listing.unchanged)
    etag = known_etag if listing.unchanged else listing.etag if listing.serials else None
    return Agenda(_tasks(state, plan), len(plan), etag, listed)


def named(state: State, names: list[str]) -> Agenda:
    """Give the agenda of a run that is about a few projects only."""
    row = {name: state.row(name) for name in names}
    plan: _Plan = {name: ("", known.list_serial if known else None, True, True, True) for name, known in row.items()}
    return Agenda(_tasks(state, plan), len(plan), state.fact(LIST_ETAG), None)


#: By name: as listed, the list's serial, whether selected, whether to ask upstream, whether even if nothing changed.
_Plan = dict[str, tuple[str, str | None, bool, bool, bool]]


def _one_by_one(mirror: IMirror, state: State, initial: bool, again: bool) -> Agenda:
    """Exact names: each is asked for, and the list of all names never is."""
    exact = mirror.selection.exact
    plan: _Plan = dict.fromkeys(sorted(exact), ("", None, True, True, initial))
    for known in state.known():
        if known.name not in exact:
            plan[known.name] = ("", None, False, False, False)
    return Agenda(_tasks(state, plan), len(plan), None, None)


def _compared(mirror: IMirror, state: State, listing: Listing, initial: bool, again: bool) -> _Plan:
    plan: _Plan = {}
    unseen = set(listing.projects)
    for known in state.known():
        unseen.discard(known.name)
        listed = listing.projects.get(known.name)
        if listed is None:
            selected = mirror.selection.wanted(known.name)
            # Upstream's word on one page counts more than a list that may be cut off.
            plan[known.name] = ("", None, selected, selected, False)
            continue
        serial = None if listed.serial is None else str(listed.serial)
        same = serial is not None and known.list_serial is not None and serial in (known.list_serial, known.page_serial)
        if initial or again or not same:
            plan[known.name] = (listed.display, serial, True, initial or not same, initial)
    for name in sorted(unseen):
        listed = listing.projects[name]
        plan[name] = (listed.display, None if listed.serial is None else str(listed.serial), True, True, initial)
    return plan


def _unfinished(state: State, again: bool) -> _Plan:
    """The list is the one already known: only what an earlier run could not read is to be read."""
    return {known.name: ("", known.list_serial, True, known.list_serial is None, False)
            for known in state.known() if again or (known.pending and known.list_serial is None)}


def _tasks(state: State, plan: _Plan) -> Iterator[LookTask]:
    for name, (display, serial, selected, ask, force) in plan.items():
        yield LookTask(name, state.record(name), display, serial, selected, ask, force)
