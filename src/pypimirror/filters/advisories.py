"""Filters on advisories: ``malicious`` and ``vulnerable``."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from ..interfaces import IExplainedFilter, ISafetyFilter, ISettings, IUrgentFilter
from ..model import File, Project
from ..settings.decisions import ALLOW
from .decisions import matching


@implementer(IUrgentFilter, IExplainedFilter)
class Malicious:
    """Leaves out malicious releases, also pinned ones, except for files that ``trash restore --force`` has brought back."""

    applies_to_pins = True
    reason = "malicious"

    def __init__(self, settings: ISettings):
        self.active = bool(settings["advisories"]) and settings["malicious"] == "remove"
        self._settings = settings

    def select(self, project: Project) -> Iterable[File]:
        if not any(each.is_malicious for each in project.advisories):
            return project.files
        from ..advisories import policy  # not loaded without advisories

        matcher = policy.match_malicious(self._settings, project)
        return tuple(file for file in project.files if file.forced or not matcher.of_file(file))

    def why(self, project: Project, file: File) -> str:
        from ..advisories import policy

        return f"malicious: {policy.describe(policy.match_malicious(self._settings, project).of_file(file))}"


@implementer(IExplainedFilter, ISafetyFilter)
class Vulnerable:
    """Leaves out releases with advisories of at least ``vulnerable_severity``, unless a decision allows them."""

    applies_to_pins = False
    reason = "vulnerable"

    def __init__(self, settings: ISettings):
        self.active = bool(settings["advisories"]) and settings["vulnerable"] == "hide"
        self._settings = settings

    def select(self, project: Project) -> Iterable[File]:
        if not project.advisories:
            return project.files
        from ..advisories import policy

        matcher = policy.match_vulnerabilities(self._settings, project)
        allowed = self._settings["decisions"].of(ALLOW, project.name)
        return tuple(file for file in project.files
                     if not matcher.of_file(file) or matching(allowed, project, file) is not None)

    def why(self, project: Project, file: File) -> str:
        from ..advisories import policy

        return f"vulnerable: {policy.describe(policy.match_vulnerabilities(self._settings, project).of_file(file))}"
