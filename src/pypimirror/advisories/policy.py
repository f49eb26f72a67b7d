"""What follows from advisories by the settings, and how messages describe them."""

from __future__ import annotations

from collections.abc import Iterable

from ..interfaces import ISettings
from ..model import Advisory, File, Project
from .cvss import RATINGS
from .matching import AdvisoryMatcher

#: Ids in one message.
_MOST_NAMED = 3


def is_severe(advisory: Advisory, bound: str) -> bool:
    """Return whether an advisory is at least of a severity; one of unknown severity is."""
    return not advisory.severity or RATINGS.index(advisory.severity) >= RATINGS.index(bound)


def vulnerabilities(project: Project, bound: str) -> AdvisoryMatcher:
    """Return the matcher of a project's advisories about vulnerabilities of at least a severity."""
    return AdvisoryMatcher((each for each in project.advisories if not each.is_malicious and is_severe(each, bound)),
                           project.name)


def malicious(project: Project) -> AdvisoryMatcher:
    """Return the matcher of a project's advisories about malicious releases."""
    return AdvisoryMatcher((each for each in project.advisories if each.is_malicious), project.name)


def describe(advisories: Iterable[Advisory]) -> str:
    """Return ids, severity and fixes of advisories about one release: ``PYSEC-2026-1 (high, fixed in 2.0)``."""
    found = list(advisories)
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ", ".join(map(_described, found[:_MOST_NAMED])) + more


def _described(advisory: Advisory) -> str:
    facts = [advisory.severity] if advisory.severity else []
    facts += [f"fixed in {' or '.join(advisory.fixed)}"] if advisory.fixed else []
    return f"{advisory.id} ({', '.join(facts)})" if facts else advisory.id


def marked(settings: ISettings, project: Project) -> Project:
    """Return a project as pages show it: with ``vulnerable = mark``, vulnerable files are marked as yanked (PEP 592)."""
    if settings["vulnerable"] != "mark" or not project.advisories:
        return project
    matcher = vulnerabilities(project, settings["vulnerable_severity"])

    def mark(file: File) -> File:
        found = matcher.of_file(file) if file.yanked is False else ()
        return file._replace(yanked=f"vulnerable: {describe(found)}") if found else file

    return project._replace(files=tuple(map(mark, project.files)))


def are_shown(settings: ISettings) -> bool:
    """Return whether pages depend on advisories."""
    return bool(settings["advisories"]) and (settings["vulnerable"] == "mark" or "legacy-json" in settings["index_formats"])
