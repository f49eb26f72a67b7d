"""Filters on decisions: ``deny`` and ``allow`` in the file of the key ``decisions``."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from ..interfaces import IExplainedFilter, IFilter, ISettings
from ..metadata.filenames import parse
from ..model import File, Project
from ..settings.decisions import ALLOW, DENY, Decision, Decisions
from .globs import name_globs


@implementer(IExplainedFilter)
class Denied:
    """Leaves out denied releases, also pinned ones."""

    applies_to_pins = True
    reason = "denied"

    def __init__(self, settings: ISettings):
        self._decisions: Decisions = settings["decisions"]
        self.active = any(each.verb == DENY for each in self._decisions.active)

    def select(self, project: Project) -> Iterable[File]:
        denied = self._decisions.of(DENY, project.name)
        return tuple(file for file in project.files if matching(denied, project, file) is None)

    def why(self, project: Project, file: File) -> str:
        return str(matching(self._decisions.of(DENY, project.name), project, file) or self.reason)


@implementer(IFilter)
class OnlyAllowed:
    """Limits projects that ``allow`` alone selects to the versions that it names."""

    applies_to_pins = False
    reason = "not among the versions of allow"

    def __init__(self, settings: ISettings):
        self._decisions: Decisions = settings["decisions"]
        self.active = any(each.verb == ALLOW and each.specifier for each in self._decisions.active)
        self._matched = name_globs(settings, "package_matches").match

    def select(self, project: Project) -> Iterable[File]:
        allowed = self._decisions.of(ALLOW, project.name)
        if not allowed or self._matched(project.name):
            return project.files
        return tuple(file for file in project.files if matching(allowed, project, file) is not None)


def matching(decisions: Iterable[Decision], project: Project, file: File) -> Decision | None:
    """Return the first of some decisions that is about the release of a file, or None."""
    version = parse(file.filename, project.name).version
    return next((each for each in decisions if each.matches(version)), None)
