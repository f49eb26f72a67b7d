"""Filter on publishers: ``publishers = hold`` and ``trusted_publishers``.

A release is compared with one that the mirror has, by the publishers in their provenance (PEP 740). What was on upstream's page
when the mirror first read it is not compared: there is nothing to compare it with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from zope.interface import implementer

from ..interfaces import IExplainedFilter, ISafetyFilter, ISettings
from ..metadata.filenames import parse, pep440
from ..model import File, Project
from ..settings.decisions import ALLOW
from .decisions import matching
from .globs import NameGlobs, compile_globs

if TYPE_CHECKING:
    from packaging.version import Version

#: The name of the filter.
NAME = "publishers"
#: The publisher of a file without provenance, and of one with provenance that can't be read.
NONE, UNREADABLE = "none", "unreadable provenance"


class ReleasePublishers(NamedTuple):
    """The publishers of one release."""

    version: Version
    #: By kind of distribution: those of its files; ``NONE`` for a file without provenance.
    publishers: Mapping[str, frozenset[str]]

    def of_kind(self, kind: str) -> frozenset[str]:
        """Return the publishers that a file of a kind may have: all of the release; none only if it had such a file without."""
        known = frozenset[str]().union(*self.publishers.values()) - {NONE, UNREADABLE}
        return known | (self.publishers.get(kind, frozenset()) & {NONE}) if known else frozenset()


class TrustedPublishers:
    """``trusted_publishers``: publishers whose releases need no comparison."""

    def __init__(self, settings: ISettings):
        key = "trusted_publishers"
        self._patterns: list[tuple[NameGlobs, re.Pattern[str]]] = [
            (compile_globs((name,), key, settings.origin(key)), re.compile(translate(pattern)))
            for name, pattern in settings[key] or ()]

    def trusts(self, project: str, publishers: Iterable[str]) -> bool:
        """Return whether one of a file's publishers is trusted. Without any, ``none`` has to be."""
        return any(globs.match(project) and pattern.fullmatch(each) for each in set(publishers) or {NONE}
                   for globs, pattern in self._patterns)


@implementer(IExplainedFilter, ISafetyFilter)
class Publishers:
    """Holds back files that upstream has added, of other publishers than the release before."""

    applies_to_pins = False
    reason = "its publisher is another one than before"

    def __init__(self, settings: ISettings):
        self.active = settings["publishers"] == "hold"
        self._decisions = settings["decisions"]
        self._trusted = TrustedPublishers(settings)

    def select(self, project: Project) -> Iterable[File]:
        added = [file for file in project.files if _is_added(file)]
        if not added:
            return project.files
        known = _known_releases(project)
        allowed = self._decisions.of(ALLOW, project.name)
        held = {file.filename for file in added
                if self._is_held(project, file, known) and matching(allowed, project, file) is None}
        return tuple(file for file in project.files if file.filename not in held)

    def why(self, project: Project, file: File) -> str:
        if file.publishers is None:
            return "its publisher has not been compared yet"
        before = _release_to_compare(project, file, _known_releases(project))
        if before is None:
            return self.reason
        return f"{describe(file.publishers)}; {before.version} was {describe(sorted(_all_publishers(before)))}"

    def _is_held(self, project: Project, file: File, known: Sequence[ReleasePublishers]) -> bool:
        """Return whether a file waits for a decision, since its publishers differ from those of the release before."""
        if pep440(parse(file.filename, project.name).version or "") is None:
            return False  # it belongs to no release
        if file.publishers is None:
            return True
        if self._trusted.trusts(project.name, file.publishers):
            return False
        before = _release_to_compare(project, file, known)
        return before is not None and not before.of_kind(_file_kind(project, file)) & (set(file.publishers) or {NONE})


def describe(publishers: Iterable[str]) -> str:
    """Return who published a file: ``published by GitHub example/demo release.yml``, or ``without provenance``."""
    found = ", ".join(publishers)
    return f"published by {found}" if found else "without provenance"


def _all_publishers(release: ReleasePublishers) -> frozenset[str]:
    return frozenset[str]().union(*release.publishers.values()) - {NONE}


def _is_added(file: File) -> bool:
    return file.added and file.stored is None


def _file_kind(project: Project, file: File) -> str:
    return parse(file.filename, project.name).kind


def _release_to_compare(project: Project, file: File, known: Sequence[ReleasePublishers]) -> ReleasePublishers | None:
    """Return the release that a file is compared with: its own, else the one before, else the one after it."""
    version = pep440(parse(file.filename, project.name).version or "")
    if version is None or not known:
        return None
    return max((one for one in known if one.version <= version), key=lambda one: one.version,
               default=min(known, key=lambda one: one.version))


def _known_releases(project: Project) -> list[ReleasePublishers]:
    """Return the releases with publishers, of the files that the mirror has."""
    found: dict[Version, dict[str, frozenset[str]]] = {}
    for file in project.files:
        version = pep440(parse(file.filename, project.name).version or "")
        if version is not None and file.stored is not None and file.publishers is not None:
            of_kind = found.setdefault(version, {})
            kind = _file_kind(project, file)
            of_kind[kind] = of_kind.get(kind, frozenset()) | (set(file.publishers) or {NONE})
    releases = (ReleasePublishers(version, publishers) for version, publishers in found.items())
    return [one for one in releases if one.of_kind("")]
