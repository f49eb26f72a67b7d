"""Filters on project names: ``package_matches`` and ``package_excludes``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IExactNames, INameFilter, ISettings, IWrittenNames
from .globs import name_globs


@implementer(IWrittenNames, IExactNames)
class PackageMatches:
    """Selects the projects that match a pattern; without patterns, no project."""

    active = True
    applies_to_pins = False

    def __init__(self, settings: ISettings):
        self._match, self.exact, self.written, self.named = name_globs(settings, "package_matches")

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
