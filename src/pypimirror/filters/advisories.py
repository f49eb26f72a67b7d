"""Filters on advisories: ``malicious`` and ``vulnerable``."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from ..advisories import policy
from ..interfaces import IExplainedFilter, ISettings, IUrgentFilter
from ..model import File, Project


@implementer(IUrgentFilter, IExplainedFilter)
class Malicious:
    """Leaves out malicious releases, also pinned ones, except for files that ``trash restore --force`` has brought back."""

    applies_to_pins = True
    reason = "malicious"

    def __init__(self, settings: ISettings):
        self.active = bool(settings["advisories"]) and settings["malicious"] == "remove"

    def select(self, project: Project) -> Iterable[File]:
        if not any(each.is_malicious for each in project.advisories):
            return project.files
        matcher = policy.malicious(project)
        return tuple(file for file in project.files if file.forced or not matcher.of_file(file))

    def why(self, project: Project, file: File) -> str:
        return f"malicious: {policy.describe(policy.malicious(project).of_file(file))}"


@implementer(IExplainedFilter)
class Vulnerable:
    """Leaves out releases with advisories of at least ``vulnerable_severity``."""

    applies_to_pins = False
    reason = "vulnerable"

    def __init__(self, settings: ISettings):
        self.active = bool(settings["advisories"]) and settings["vulnerable"] == "hide"
        self._severity: str = settings["vulnerable_severity"]

    def select(self, project: Project) -> Iterable[File]:
        if not project.advisories:
            return project.files
        matcher = policy.vulnerabilities(project, self._severity)
        return tuple(file for file in project.files if not matcher.of_file(file))

    def why(self, project: Project, file: File) -> str:
        return f"vulnerable: {policy.describe(policy.vulnerabilities(project, self._severity).of_file(file))}"
