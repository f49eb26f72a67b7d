"""Filters on project names: ``package_matches`` and ``package_excludes``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IExactNames, INameFilter, ISettings, IWrittenNames
from ..settings.decisions import ALLOW
from .globs import MOST_WRITTEN, any_spelling, name_globs


@implementer(IWrittenNames, IExactNames)
class PackageMatches:
    """Selects the projects that match a pattern or are allowed by a decision."""

    active = True
    applies_to_pins = False

    def __init__(self, settings: ISettings):
        self._match, self.exact, self.written, self.named = name_globs(settings, "package_matches")
        allowed = frozenset(each.project for each in settings["decisions"].active if each.verb == ALLOW)
        if allowed:
            self._add_allowed(allowed)

    def _add_allowed(self, allowed: frozenset[str]) -> None:
        """Select further projects by name."""
        match = self._match
        self._match = lambda name: name in allowed or match(name)
        self.exact = None if self.exact is None else self.exact | allowed
        if self.written is not None:
            few = len(allowed) <= MOST_WRITTEN
            self.written = "|".join((self.written, *map(any_spelling, sorted(allowed)))) if few else None
        self.named = {name: name for name in allowed} | dict(self.named)

    def __call__(self, name: str) -> bool:
        return bool(self._match(name))


@implementer(INameFilter)
class PackageExcludes:
    """Leaves out the projects that match a pattern, also pinned and required ones."""

    applies_to_pins = True
    exact: frozenset[str] | None = None

    def __init__(self, settings: ISettings):
        self._match = name_globs(settings, "package_excludes").match
        self.active = bool(settings["package_excludes"])

    def __call__(self, name: str) -> bool:
        return not self._match(name)
