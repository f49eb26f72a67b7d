"""Which projects are mirrored: ``package_matches`` and ``package_excludes``."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IExactNames, INameFilter, ISettings, IWrittenNames
from .globs import name_globs


@implementer(IWrittenNames, IExactNames)
class PackageMatches:
    """Takes the projects that a pattern means; none without patterns."""

    active = True
    applies_to_pins = False

    def __init__(self, settings: ISettings):
        self._match, self.exact, self.written, self.named = name_globs(settings, "package_matches")

    def __call__(self, name: str) -> bool:
        return bool(self._match(name))


@implementer(INameFilter)
class PackageExcludes:
    """Leaves out the projects that a pattern means, whatever asks for them."""

    applies_to_pins = True
    exact: frozenset[str] | None = None

    def __init__(self, settings: ISettings):
        self._match = name_globs(settings, "package_excludes").match
        self.active = bool(settings["package_excludes"])

    def __call__(self, name: str) -> bool:
        return not self._match(name)
