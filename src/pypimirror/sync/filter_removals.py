"""What filters remove from the mirror, and which filters of plugins the mirror knows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable

from ..events import FilterRemoval
from ..interfaces import IFilter, INameFilter, IRunContext
from ..model import Change
from ..settings.values import fingerprint
from ..state.database import State
from ..state.meta_keys import KNOWN_FILTERS, OWN_SETTINGS
from ..zcml import registry

#: Filters whose result for a mirrored file changes without the configuration only if advisories or upstream's pages change.
_BY_FACTS = tuple(f"{IFilter.__name__} {name}"
                  for name in ("max-file-size", "yanked", "uploaded-before", "min-age", "vulnerable"))
_FILTERS = {each.__name__: each for each in (IFilter, INameFilter)}


def by_filter(mirror: IRunContext, changes: Iterable[Change]) -> tuple[FilterRemoval, ...]:
    """Return how many files of the mirror each filter excludes; the most files first."""
    files: Counter[str] = Counter()
    projects: Counter[str] = Counter()
    for change in changes:
        for name, count in change.removed_by:
            files[name] += count
            projects[name] += 1
    return tuple(FilterRemoval(label(mirror, name), count, projects[name]) for name, count in files.most_common())


def label(mirror: IRunContext, name: str) -> str:
    """Return a filter as messages name it; one of a plugin with its place. name: as in ``Change.removed_by``."""
    interface, _, word = name.partition(" ")
    kind = registry.kind_of(_FILTERS[interface])
    place = registry.registered_at(mirror.registry, _FILTERS[interface], word) if name in of_plugins(mirror) else ""
    return f"{kind} {word!r}" + (f" ({place})" if place else "")


def of_plugins(mirror: IRunContext) -> dict[str, str]:
    """Return the factories of filters and name filters of plugins, by name as in ``Change.removed_by``."""
    return {name: factory for name, factory in mirror.settings.plugged("files") if name.partition(" ")[0] in _FILTERS}


def unproven(mirror: IRunContext, state: State) -> Collection[str]:
    """Return the filters whose removals count for the brake, by name as in ``Change.removed_by``: those of plugins, and those
    that depend on advisories and on facts of single files on upstream's pages.

    After a change of the configuration these are the filters that no earlier run has used; otherwise all, since a filter
    removes much then only if its code changed, if it depends on something else, or if upstream's pages changed.
    """
    filters = of_plugins(mirror)
    if state.fact(OWN_SETTINGS) == fingerprint(mirror.settings, "files"):
        return (*filters, *_BY_FACTS)
    known = dict(json.loads(state.fact(KNOWN_FILTERS) or "[]"))
    return [name for name, factory in filters.items() if known.get(name) != factory]


def remember(mirror: IRunContext, state: State) -> None:
    """Record that a run has done the removals of the present filters."""
    filters = of_plugins(mirror)
    state.set_fact(KNOWN_FILTERS, json.dumps(sorted(filters.items())) if filters else None)
