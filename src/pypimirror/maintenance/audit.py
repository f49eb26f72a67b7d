"""Finds releases with advisories, in the mirror or in pin files, and what holds their fixes back. Sends no request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..advisories.matching import AdvisoryMatcher
from ..advisories.policy import find_waiver
from ..advisory import Advisory
from ..errors import MirrorError
from ..interfaces import IRunContext
from ..metadata.filenames import parse, pep440, release
from ..model import File, Project
from ..names import METADATA
from ..pins.environments import configured_environments
from ..pins.offline import read_offline
from ..selected import Selected
from ..settings.decisions import WAIVE
from ..state import records
from ..state.database import State
from ..sync.offered_files import offered_files

#: Values of ``Fix.status``.
HERE, HELD, NOT_MIRRORED = "in the mirror", "held back", "not in the mirror"


class Fix(NamedTuple):
    """A version that fixes a vulnerability."""

    version: str
    #: HERE, HELD or NOT_MIRRORED.
    status: str
    #: The filter that holds it back, and the reason.
    reason: str = ""


class AuditFinding(NamedTuple):
    """A release and one advisory about it."""

    project: str
    version: str
    advisory: Advisory
    #: Later versions that fix it, oldest first.
    fixes: tuple[Fix, ...] = ()
    #: The pin file, or an empty text for a release in the mirror.
    source: str = ""
    #: The files of the release in the mirror.
    files: tuple[str, ...] = ()
    #: The decision that waives it, or an empty text.
    waived: str = ""


class Audit(NamedTuple):
    """Result of an audit."""

    findings: tuple[AuditFinding, ...]
    #: The number of releases that were checked.
    releases: int
    #: Messages about pin files that could not be read as a whole.
    problems: tuple[str, ...] = ()


class Auditor:
    """Audits one mirror with an open state."""

    def __init__(self, mirror: IRunContext, state: State):
        self._mirror, self._state = mirror, state

    def check_published(self) -> Audit:
        """Check all published releases."""
        found: list[AuditFinding] = []
        problems: list[str] = []
        count = 0
        for entry in list(self._state.entries()):
            project = self._read_project(entry.name, problems)
            files = project.published().files
            versions = _group_by_version(project.name, files)
            count += len(versions)
            found += self._find_vulnerabilities(project, versions, "")
        return Audit(tuple(found), count, tuple(problems))

    def check_pin_files(self, sources: Sequence[str]) -> Audit:
        """Check the pins of files: requirements, locks, versions.cfg or buildout.cfg."""
        found: list[AuditFinding] = []
        problems: list[str] = []
        count = 0
        setting = configured_environments(self._mirror.settings)
        for source in sources:
            pins = read_offline(source, setting)
            problems += pins.problems
            for name, versions in sorted(pins.versions.items()):
                count += len(versions)
                project = self._read_project(name, problems)
                found += self._find_vulnerabilities(project, dict.fromkeys(sorted(versions), ()), source)
        return Audit(tuple(found), count, tuple(problems))

    def _read_project(self, name: str, problems: list[str]) -> Project:
        """Return a project from its record, with current advisories; without files if it has no readable record."""
        record = self._state.record(name)
        try:
            project = records.decode(record) if record else Project(name, listed=False)
        except records.BadRecord as error:
            problems.append(f"{name}: {error}")
            project = Project(name, listed=False)
        return self._mirror.advisories.current(project)

    def _find_vulnerabilities(self, project: Project, versions: dict[str, tuple[str, ...]],
                              source: str) -> Iterator[AuditFinding]:
        """Yield the advisories about versions of a project. source: of the pins, for messages."""
        if not project.advisories:
            return
        matcher = AdvisoryMatcher(project.advisories, project.name)
        fixes = _Fixes(self._mirror, project)
        waivers = self._mirror.settings["decisions"].of(WAIVE, project.name)
        for version, files in versions.items():
            for advisory in matcher.of_version(version):
                waived = find_waiver(waivers, advisory, version)
                yield AuditFinding(project.name, version, advisory, fixes.of(version, advisory, matcher), source, files,
                              "" if waived is None else str(waived))


class _Fixes:
    """Finds the fixes of one project's vulnerabilities in the mirror."""

    def __init__(self, mirror: IRunContext, project: Project):
        self._mirror, self._project = mirror, project
        self._selected: Selected | None = None

    def of(self, version: str, advisory: Advisory, matcher: AdvisoryMatcher) -> tuple[Fix, ...]:
        """Return the later versions that an advisory names as fixes, without malicious ones."""
        present = pep440(version)
        later = {fix: parsed for fix in advisory.fixed if (parsed := pep440(fix)) is not None
                 and (present is None or parsed > present)
                 and not any(each.is_malicious for each in matcher.of_version(fix))}
        return tuple(self._describe_fix(fix) for fix in sorted(later, key=lambda fix: later[fix]))

    def _describe_fix(self, version: str) -> Fix:
        """Return a version with whether it is in the mirror, held back by filters, or not mirrored."""
        wanted = release(version)
        files = [file for file in self._project.files
                 if release(parse(file.filename, self._project.name).version or "") == wanted]
        if any(file.stored is not None and file.stored.published for file in files):
            return Fix(version, HERE)
        names = {file.filename for file in files}
        reasons = dict.fromkeys(f"{one.filter or 'selection'}: {one.reason}" for one in self._select_once().left_out
                                if one.file.filename in names)
        return Fix(version, HELD, "; ".join(reasons)) if reasons else Fix(version, NOT_MIRRORED)

    def _select_once(self) -> Selected:
        """Return what the filters select of the project; nothing if they fail."""
        if self._selected is None:
            offered = self._project._replace(files=offered_files(self._mirror, self._project))
            try:
                self._selected = self._mirror.selection.select(offered, self._metadata)
            except MirrorError:
                self._selected = Selected()
        return self._selected

    def _metadata(self, file: File) -> bytes | None:
        """Return the core metadata of a file in the mirror; others would have to be fetched."""
        has = file.stored is not None and file.stored.metadata
        return self._mirror.storage.read(f"{self._project.name}/{file.filename}{METADATA}") if has else None


def _group_by_version(name: str, files: Iterable[File]) -> dict[str, tuple[str, ...]]:
    """Return the names of files by version, oldest first."""
    found: dict[str, list[str]] = {}
    for file in files:
        if version := parse(file.filename, name).version:
            found.setdefault(version, []).append(file.filename)
    return {version: tuple(found[version]) for version in sorted(found, key=_sort_key)}


def _sort_key(version: str) -> tuple[bool, Any]:
    parsed = pep440(version)
    return parsed is not None, parsed or version
