"""What follows from advisories by the settings and decisions, and how messages describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..advisory import Advisory
from ..interfaces import ISettings
from ..model import File, Project
from ..names import list_first
from ..settings.decisions import WAIVE, Decision
from .cvss import RATINGS
from .matching import AdvisoryMatcher

#: Ids in one message.
_MOST_NAMED = 3


def is_severe(advisory: Advisory, bound: str) -> bool:
    """Return whether an advisory is at least of a severity; one of unknown severity is."""
    return not advisory.severity or RATINGS.index(advisory.severity) >= RATINGS.index(bound)


class CountedMatcher(AdvisoryMatcher):
    """Finds the advisories for the files of one project that no decision waives."""

    def __init__(self, settings: ISettings, project: Project, counts: Callable[[Advisory], bool]):
        """counts: returns whether an advisory is wanted."""
        super().__init__((each for each in project.advisories if counts(each)), project.name)
        self._waivers = settings["decisions"].of(WAIVE, project.name)

    def of_version(self, version: str | None) -> tuple[Advisory, ...]:
        found = super().of_version(version)
        return tuple(each for each in found if find_waiver(self._waivers, each, version) is None) if self._waivers else found


def find_waiver(waivers: Iterable[Decision], advisory: Advisory, version: str | None) -> Decision | None:
    """Return the decision that waives an advisory about a version, or None."""
    names = {advisory.id, *advisory.aliases}
    return next((each for each in waivers if each.advisory in names and each.matches(version)), None)


def match_vulnerabilities(settings: ISettings, project: Project) -> AdvisoryMatcher:
    """Return the matcher of a project's vulnerabilities of at least ``vulnerable_severity``."""
    bound = settings["vulnerable_severity"]
    return CountedMatcher(settings, project, lambda each: not each.is_malicious and is_severe(each, bound))


def match_malicious(settings: ISettings, project: Project) -> AdvisoryMatcher:
    """Return the matcher of a project's advisories about malicious releases."""
    return CountedMatcher(settings, project, lambda each: each.is_malicious)


def match_reported(settings: ISettings, project: Project) -> AdvisoryMatcher:
    """Return the matcher of all advisories that a run reports."""
    bound = settings["vulnerable_severity"]
    return CountedMatcher(settings, project, lambda each: each.is_malicious or is_severe(each, bound))


def describe(advisories: Iterable[Advisory]) -> str:
    """Return ids, severity and fixes of advisories about one release: ``PYSEC-2026-1 (high, fixed in 2.0)``."""
    return list_first(list(map(_describe_one, advisories)), _MOST_NAMED)


def _describe_one(advisory: Advisory) -> str:
    facts = [advisory.severity] if advisory.severity else []
    facts += [f"fixed in {' or '.join(advisory.fixed)}"] if advisory.fixed else []
    return f"{advisory.id} ({', '.join(facts)})" if facts else advisory.id


def mark_vulnerable(settings: ISettings, project: Project) -> Project:
    """Return a project as pages show it: with ``vulnerable = mark``, vulnerable files are marked as yanked (PEP 592)."""
    if settings["vulnerable"] != "mark" or not project.advisories:
        return project
    matcher = match_vulnerabilities(settings, project)

    def mark(file: File) -> File:
        found = matcher.of_file(file) if file.yanked is False else ()
        return file._replace(yanked=f"vulnerable: {describe(found)}") if found else file

    return project._replace(files=tuple(map(mark, project.files)))


def are_on_pages(settings: ISettings) -> bool:
    """Return whether pages depend on advisories."""
    return bool(settings["advisories"]) and (settings["vulnerable"] == "mark" or "legacy-json" in settings["index_formats"])
