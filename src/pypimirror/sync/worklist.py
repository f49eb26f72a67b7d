"""Which projects a run looks at: upstream's list and the configuration, held against what is remembered."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .. import events
from ..errors import ConfigurationError, InvalidPage
from ..interfaces import IRunContext, ISettings
from ..model import KnownProject, ListedProject, ProjectList, Totals
from ..names import project_name, shown
from ..settings.fingerprint import fingerprint
from ..state import records
from ..state.database import State
from ..state.meta_keys import FILES_SETTINGS, LIST_ETAG, PAGES_SETTINGS
from ..upstream.multi_index import serial_at
from ..upstream.project_list import in_order
from .brake import Removals, too_many
from .evaluate import EvaluateTask
from .freshness import is_behind

_DAY = 86400


class Worklist(NamedTuple):
    """What there is to look at."""

    tasks: Iterator[EvaluateTask]
    projects: int
    #: To be remembered once all were looked at.
    etag: str | None
    listed: events.ListRead | None
    #: What is wrong with upstream's list, or None: nothing is removed on account of it then.
    doubt: str | None = None
    #: Whether all that is looked at is to be published, changed or not.
    republish: bool = False
    #: What lies upstream and tells no project, in words.
    problems: tuple[str, ...] = ()
    #: Whether it is about exact names alone, and about all of them.
    is_exact: bool = False


def has_pins(settings: ISettings) -> bool:
    """Whether anything is pinned at all, or requirements are followed."""
    return any(settings[key] for key in ("versions", "requirements", "dependencies"))


def files_fingerprint(mirror: IRunContext) -> str:
    """Give the fingerprint of all that decides which files are mirrored."""
    hashes = {"==".join(release): allowed for release, allowed in mirror.needs.hashes.items()}
    return fingerprint(mirror.settings, "files", mirror.needs.versions(), mirror.needs.pinned, hashes)


def draw_up(mirror: IRunContext, state: State, initial: bool, trust: bool = False, every: bool = False) -> Worklist:
    """Ask upstream for its list, if that is needed at all, and say which projects are to be looked at.

    initial: whether everything is to be looked at again. trust: whether upstream's list is believed whatever it lacks.
    every: whether all projects are to be looked at, those that have not changed without asking upstream.
    Raises FetchError, BadPage.
    """
    changed = state.fact(FILES_SETTINGS) != files_fingerprint(mirror)
    rewrite = state.fact(PAGES_SETTINGS) != fingerprint(mirror.settings, "pages")
    again = changed or rewrite or every
    exact = mirror.selection.exact
    if exact is not None:
        return _one_by_one(mirror, state, exact, initial, trust)._replace(
            republish=initial or rewrite, problems=mirror.own.problems)
    # What other hosts have may matter now, and nothing that is remembered tells.
    initial = initial or (changed and mirror.settings["external_links"])
    known_etag = state.fact(LIST_ETAG)
    try:
        names = mirror.selection.among_many()
        listing = mirror.source.listing(names.wanted, None if initial or changed else known_etag, names.written)
    except InvalidPage as error:
        if not state.totals().projects:
            raise
        plan = _unfinished(state, again)
        return Worklist(_tasks(mirror, state, plan), len(plan), None, None, str(error), initial or rewrite)
    doubt = None
    if listing.unchanged:
        plan = _unfinished(state, again)
    else:
        plan, unlisted = _compared(mirror, state, listing, initial, again)
        if not trust:
            missing = sum(entry.selected and _was_listed(state, name) for name, entry in unlisted.items())
            doubt = _doubt(missing, listing, state.totals(), mirror.settings["max_deletions"])
        # Upstream's word on one page counts more than a list that may be cut off.
        plan.update((name, entry) for name, entry in unlisted.items() if doubt is None or not entry.selected)
    listed = events.ListRead(listing.total, len(listing.projects), listing.unchanged)
    etag = known_etag if listing.unchanged else listing.etag if listing.serials else None
    return Worklist(_tasks(mirror, state, plan), len(plan), etag, listed, doubt, initial or rewrite, listing.problems)


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
    """Give the agenda of a run that is about a few projects only; names: by name, whether upstream is to be asked."""
    plan: _Plan = {}
    etag = state.fact(LIST_ETAG)
    for name, ask in names.items():
        known = state.row(name)
        # What is known as listed was on the list when it was last read; only the whole list tells of others.
        listed = _is_known_as_listed(state, name)
        etag = etag if listed else None
        plan[name] = _Entry("", known.list_serial if known else None, mirror.selection.wanted(name), ask, ask,
                            listed and mirror.selection.exact is None)
    return Worklist(_tasks(mirror, state, plan, True), len(plan), etag, None, republish=republish)


def late(mirror: IRunContext, state: State, promised: Mapping[str, str]) -> Worklist:
    """Give the agenda of a second look at projects whose pages were older than upstream's list.

    promised: the list's serials by name.
    """
    plan: _Plan = {name: _Entry("", serial, True, True, listed=True) for name, serial in promised.items()}
    return Worklist(_tasks(mirror, state, plan, again=True), len(plan), state.fact(LIST_ETAG), None)


class _Entry(NamedTuple):
    """One project to be looked at; fields as those of LookTask."""

    display: str
    serial: str | None
    selected: bool
    ask: bool
    force: bool = False
    listed: bool = False


_Plan = dict[str, _Entry]


def _one_by_one(mirror: IRunContext, state: State, exact: frozenset[str], initial: bool, trust: bool) -> Worklist:
    """Exact names: each is asked for, and the list of all names never is."""
    plan: _Plan = dict.fromkeys(sorted(exact), _Entry("", None, True, True, initial))
    for known in state.known():
        if known.name not in exact:
            plan[known.name] = _Entry("", None, False, False)
    return Worklist(_tasks(mirror, state, plan, trust=trust), len(plan), None, None, is_exact=True)


def _is_known_as_listed(state: State, name: str) -> bool:
    record = state.record(name)
    return record is not None and records.decode(record).listed


def _was_listed(state: State, name: str) -> bool:
    """Whether upstream had a project when it was last looked at; adopted and kept ones it need not have had."""
    record = state.record(name)
    return record is None or records.decode(record).listed


def _doubt(missing: int, listing: ProjectList, totals: Totals, share: float) -> str | None:
    if totals.projects and not listing.total:
        return "upstream's list is empty"
    much = too_many(Removals(missing), totals, share)
    return None if much is None else f"upstream's list lacks {much}"


def _compared(mirror: IRunContext, state: State, listing: ProjectList, initial: bool, again: bool) -> tuple[_Plan, _Plan]:
    """Compare a list with the state; return the plan without known projects that are not listed, and the plan for these."""
    plan: _Plan = {}
    unlisted: _Plan = {}
    whole = serial_at(listing.serial, listing.upstream)
    # A list of normalised names alone does not tell how projects are registered.
    told = any(listed.display != name for name, listed in listing.projects.items())
    now = time.time()
    for name, known, listed in _side_by_side(state.known(), in_order(listing.projects)):
        if listed is None:
            selected = mirror.selection.wanted(name)
            # A list from before the project's last change does not tell that it is gone.
            older = known is not None and is_behind(whole, known.page_serial)
            unlisted[name] = _Entry("", None, selected, selected, listed=older)
            continue
        serial = serial_at(listed.serial, listing.origin(name))
        same = known is not None and serial is not None and serial in (known.list_serial, known.page_serial)
        # How it is registered is not known where it came by a pin, an adoption or a requirement.
        renamed = told and known is not None and listed.display not in ("", known.display)
        if (known is None or initial or again or not same or known.pending or renamed
                or (known.due is not None and known.due <= now)):
            plan[name] = _Entry(listed.display if told else "", serial, True, initial or not same, initial, True)
    # What is pinned or named is asked for though the list does not have it, so that it can be said to be missing.
    for name in sorted((mirror.needs.pinned.keys() | mirror.selection.named.keys()) - plan.keys() - unlisted.keys()):
        if name not in listing.projects and mirror.selection.wanted(name):
            plan[name] = _Entry("", None, True, True, initial)
    return plan, unlisted


def _side_by_side(known: Iterator[KnownProject], listed: Iterator[tuple[str, ListedProject]],
                  ) -> Iterator[tuple[str, KnownProject | None, ListedProject | None]]:
    """Walk through what is known and what is listed, both in order of names, without holding either."""
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


def _unfinished(state: State, again: bool) -> _Plan:
    """The list is the one already known: what is left are projects that could not be read, and those whose time has come."""
    candidates = state.known() if again else state.due(time.time())
    return {known.name: _Entry("", known.list_serial, True, known.list_serial is None, listed=True)
            for known in candidates}


def _tasks(mirror: IRunContext, state: State, plan: _Plan, give_over: bool = False,
           again: bool = False, trust: bool = False) -> Iterator[EvaluateTask]:
    days = mirror.settings["fetch_since_days"]
    since = time.time() - days * _DAY if days else None
    for name, entry in plan.items():
        yield EvaluateTask(name, state.record(name), *entry, again, since, give_over, trust)
