"""Determines which projects a run evaluates: compares upstream's list and the configuration with the state."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from .. import events
from ..errors import ConfigurationError, InvalidPage
from ..interfaces import IRunContext, ISettings
from ..model import KnownProject, ListedProject, ProjectList, Totals
from ..names import project_name, shown
from ..settings.values import fingerprint
from ..state import records
from ..state.database import State
from ..state.meta_keys import FILES_SETTINGS, LIST_ETAG, PAGES_SETTINGS, PINNING
from ..upstream.multi_index import serial_at
from ..upstream.project_list import in_order
from .brake import Removals, too_many

if TYPE_CHECKING:
    from .evaluate import EvaluateTask

_DAY = 86400


class Worklist(NamedTuple):
    """The projects to be evaluated."""

    tasks: Iterator[EvaluateTask]
    projects: int
    #: ETag of the list, to be stored when all projects are evaluated.
    etag: str | None
    listed: events.ListRead | None
    #: Why upstream's list is doubted, so that it removes nothing; or None.
    doubt: str | None = None
    #: Whether all projects are published, changed or not.
    republish: bool = False
    #: Messages about upstream files whose project is unknown.
    problems: tuple[str, ...] = ()
    #: Whether it has all exact names, and no others are selected.
    is_exact: bool = False
    #: How many of the projects the configuration selects; the others are known ones that it no longer selects.
    selected: int = 0


def has_pins(settings: ISettings) -> bool:
    """Whether the configuration has pins or follows requirements."""
    return any(settings[key] for key in ("versions", "requirements", "dependencies"))


def uses_pins(mirror: IRunContext, state: State) -> bool:
    """Whether pins count: the configuration has them, or an earlier one had, and their releases are still retained."""
    return has_pins(mirror.settings) or state.fact(PINNING) is not None


def files_fingerprint(mirror: IRunContext) -> str:
    """Return the hash of the settings and pins that decide which files are mirrored."""
    hashes = {"==".join(release): allowed for release, allowed in mirror.needs.hashes.items()}
    hashes |= {"===".join(release): frozenset[str]() for release in mirror.needs.arbitrary}
    return fingerprint(mirror.settings, "files", mirror.needs.versions(), mirror.needs.pinned, hashes)


def draw_up(mirror: IRunContext, state: State, initial: bool, trust: bool = False, every: bool = False) -> Worklist:
    """Read upstream's list, unless all names are exact, and return the projects to be evaluated.

    initial: whether all projects are read again. trust: whether upstream's list is believed even if it lacks many projects.
    every: whether all projects are evaluated, unchanged ones from their records.
    Raises FetchError, InvalidPage.
    """
    changed = state.fact(FILES_SETTINGS) != files_fingerprint(mirror)
    rewrite = state.fact(PAGES_SETTINGS) != fingerprint(mirror.settings, "pages")
    again = changed or rewrite or every
    republish = initial or rewrite
    exact = mirror.selection.exact
    if exact is not None:
        return _one_by_one(mirror, state, exact, initial, trust)._replace(republish=republish, problems=mirror.own.problems)
    # The records do not have the files of other hosts.
    initial = initial or (changed and mirror.settings["external_links"])
    known_etag = state.fact(LIST_ETAG)
    try:
        names = mirror.selection.among_many()
        listing = mirror.source.listing(names.wanted, None if initial or changed else known_etag, names.written)
    except InvalidPage as error:
        if not state.totals().projects:
            raise
        plan = _unfinished(mirror, state, again)
        return Worklist(_tasks(mirror, state, plan), len(plan), None, None, str(error), republish)
    doubt = None
    if listing.unchanged:
        plan, etag = _unfinished(mirror, state, again), known_etag
    else:
        plan, doubt = _from_list(mirror, state, listing, initial, again, trust)
        # Without serials, an unchanged list does not show that pages are unchanged.
        etag = listing.etag if listing.serials or not listing.projects else None
    listed = events.ListRead(listing.total, len(listing.projects), listing.unchanged)
    return Worklist(_tasks(mirror, state, plan), len(plan), etag, listed, doubt, republish, listing.problems,
                    selected=len(listing.projects))


def _from_list(mirror: IRunContext, state: State, listing: ProjectList, initial: bool, again: bool,
               trust: bool) -> tuple[_Plan, str | None]:
    """Return the plan that follows from upstream's list, and why the list is doubted, or None."""
    plan, unlisted = _compared(mirror, state, listing, initial, again)
    doubt = None
    if not trust:
        missing = sum(entry.selected and _was_listed(state, name) for name, entry in unlisted.items())
        doubt = _doubt(missing, listing, state.totals(), mirror.settings["max_deletions"])
    for name, entry in unlisted.items():
        if doubt is None or not entry.selected:
            plan[name] = entry
        elif again:
            # If the list may be truncated, projects that it lacks get a changed configuration from their records.
            plan[name] = entry._replace(ask=False, listed=_was_listed(state, name))
    return plan, doubt


def selected(mirror: IRunContext, names: Iterable[str]) -> list[str]:
    """Return names from the command line in normal form.

    Raises ConfigurationError for one that no project can have, and for one that is not selected; which are needed for pins must
    be known by then.
    """
    found = []
    for written in names:
        name = project_name(written)
        if name is None:
            raise ConfigurationError(f"{shown(written)!r}: not the name of a project, which has letters, digits and .-_ alone; "
                                     "check its spelling")
        if not mirror.selection.wanted(name):
            raise ConfigurationError(f"{name}: not selected by the configuration")
        found.append(name)
    return found


def named(mirror: IRunContext, state: State, names: Mapping[str, bool], republish: bool = True) -> Worklist:
    """Return the worklist of a run for a few projects. names: by name, whether the page is read."""
    plan: _Plan = {}
    etag = state.fact(LIST_ETAG)
    for name, ask in names.items():
        known = state.row(name)
        # A project that is known as listed was on the list when that was last read; only the whole list has the others.
        listed = _is_known_as_listed(state, name)
        etag = etag if listed else None
        plan[name] = _Entry("", known.list_serial if known else None, mirror.selection.wanted(name), ask, ask,
                            listed and mirror.selection.exact is None)
    return Worklist(_tasks(mirror, state, plan, True), len(plan), etag, None, republish=republish)


def late(mirror: IRunContext, state: State, promised: Mapping[str, str]) -> Worklist:
    """Return the worklist of projects whose pages were older than upstream's list.

    promised: the list's serials by name.
    """
    plan: _Plan = {name: _Entry("", serial, True, True, listed=True) for name, serial in promised.items()}
    return Worklist(_tasks(mirror, state, plan, again=True), len(plan), state.fact(LIST_ETAG), None)


class _Entry(NamedTuple):
    """One project to be evaluated; see EvaluateTask for the fields."""

    display: str
    serial: str | None
    selected: bool
    ask: bool
    force: bool = False
    listed: bool = False


_Plan = dict[str, _Entry]


def _one_by_one(mirror: IRunContext, state: State, exact: frozenset[str], initial: bool, trust: bool) -> Worklist:
    """Return the worklist for exact names: their pages are read, and upstream's list is not."""
    plan: _Plan = dict.fromkeys(sorted(exact), _Entry("", None, True, True, initial))
    for known in state.known():
        if known.name not in exact:
            plan[known.name] = _Entry("", None, False, False)
    return Worklist(_tasks(mirror, state, plan, trust=trust), len(plan), None, None, is_exact=True, selected=len(exact))


def _is_known_as_listed(state: State, name: str) -> bool:
    record = state.record(name)
    return record is not None and records.decode(record).listed


def _was_listed(state: State, name: str) -> bool:
    """Whether upstream had a project when it was last evaluated; it may not have had adopted ones."""
    record = state.record(name)
    return record is None or records.decode(record).listed


def _doubt(missing: int, listing: ProjectList, totals: Totals, share: float) -> str | None:
    if totals.projects and not listing.total:
        return "upstream's list is empty"
    much = too_many(Removals(missing), totals, share)
    return None if much is None else f"upstream's list lacks {much}"


def _compared(mirror: IRunContext, state: State, listing: ProjectList, initial: bool, again: bool) -> tuple[_Plan, _Plan]:
    """Compare a list with the state; return the plan without known projects that are not listed, and the plan for these."""
    from .freshness import is_behind  # not loaded where the list is unchanged

    plan: _Plan = {}
    unlisted: _Plan = {}
    whole = serial_at(listing.serial, listing.upstream)
    # A list of normalised names has no display names.
    has_display = any(listed.display != name for name, listed in listing.projects.items())
    now = time.time()
    for name, known, listed in _side_by_side(state.known(), in_order(listing.projects)):
        if listed is None:
            selected = mirror.selection.wanted(name)
            # A list from before the project's last change does not prove that the project was removed.
            older = known is not None and is_behind(whole, known.page_serial)
            unlisted[name] = _Entry("", None, selected, selected, listed=older)
            continue
        serial = serial_at(listed.serial, listing.origin(name))
        display = listed.display if has_display else ""
        same = _is_same(known, serial) and name not in listing.unproven
        if initial or again or not same or _is_due(known, display, now):
            plan[name] = _Entry(display, serial, True, initial or not same, initial, True)
    if not (initial or again):
        planned = plan.keys() | unlisted.keys()
        plan.update((name, entry) for name, entry in _advised(mirror, state).items() if name not in planned)
    plan |= _missing(mirror, listing, plan.keys() | unlisted.keys(), initial)
    return plan, unlisted


def _is_same(known: KnownProject | None, serial: str | None) -> bool:
    """Whether a serial of the list is the one of the project's last evaluation."""
    return known is not None and serial is not None and serial in (known.list_serial, known.page_serial)


def _is_due(known: KnownProject | None, display: str, now: float) -> bool:
    """Whether a project whose page has not changed is to be evaluated: it is unfinished, or has another display name."""
    if known is None or known.pending:
        return True
    # A project that a pin, an adoption or a requirement added has no display name yet.
    return display not in ("", known.display) or (known.due is not None and known.due <= now)


def _missing(mirror: IRunContext, listing: ProjectList, planned: Collection[str], initial: bool) -> _Plan:
    """Return the plan for pinned and named projects that the list lacks. A run requests their pages to report them."""
    names = mirror.needs.pinned.keys() | mirror.selection.named.keys()
    return {name: _Entry("", None, True, True, initial) for name in sorted(names - set(planned))
            if name not in listing.projects and mirror.selection.wanted(name)}


def _side_by_side(known: Iterator[KnownProject], listed: Iterator[tuple[str, ListedProject]],
                  ) -> Iterator[tuple[str, KnownProject | None, ListedProject | None]]:
    """Merge known and listed projects, both in order of names, without loading either as a whole."""
    one, other = next(known, None), next(listed, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.name < other[0]):
            assert one is not None
            yield one.name, one, None
            one = next(known, None)
        elif one is None or other[0] < one.name:
            yield other[0], None, other[1]
            other = next(listed, None)
        else:
            yield one.name, one, other[1]
            one, other = next(known, None), next(listed, None)


def _unfinished(mirror: IRunContext, state: State, again: bool) -> _Plan:
    """Return the plan for an unchanged list: projects that could not be read, and those that are due."""
    candidates = state.known() if again else state.due(time.time())
    # A removal that was interrupted is about a project that the list lacks.
    plan = {known.name: _Entry("", known.list_serial, True, not known.list_serial,
                               listed=known.list_serial is not None or _was_listed(state, known.name))
            for known in candidates}
    if not again:
        plan.update((name, entry) for name, entry in _advised(mirror, state).items() if name not in plan)
    return plan


def _advised(mirror: IRunContext, state: State) -> _Plan:
    """Return the plan for projects whose advisories have changed."""
    from .advised import changed

    rows = ((name, state.row(name)) for name in changed(mirror, state))
    return {name: _Entry("", row.list_serial, mirror.selection.wanted(name), row.list_serial is None,
                         listed=_was_listed(state, name))
            for name, row in rows if row is not None}


def _tasks(mirror: IRunContext, state: State, plan: _Plan, give_over: bool = False,
           again: bool = False, trust: bool = False) -> Iterator[EvaluateTask]:
    from .advised import advised, are_used  # not loaded where nothing changed
    from .evaluate import EvaluateTask

    days = mirror.settings["fetch_since_days"]
    since = time.time() - days * _DAY if days else None
    has_advisories = are_used(mirror, state)
    for name, entry in plan.items():
        yield EvaluateTask(name, state.record(name), *entry, again, since, give_over, trust,
                           advised(mirror, state, name) if has_advisories else None)
