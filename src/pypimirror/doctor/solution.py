"""What an installer would take from the mirror: run-time requirements under the pins, build requirements without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet

from ..metadata.filenames import parse
from ..model import File
from ..pins.candidates import Candidate, candidates, fitting, installable
from ..pins.environments import Environment
from ..pins.model import Pins
from ..pins.resolution import Resolution, RootFile, RootRequirement, UnmetRequirement
from ..pins.resolver import resolve
from ..pins.sdist import Sdist
from .deployment import Deployment, group_environments
from .view import MirrorView


class UnsatisfiedRequirement(NamedTuple):
    """A requirement that no file of the mirror satisfies."""

    requirement: str
    by: str
    environments: tuple[Environment, ...]
    #: The pins that restrict it; none for requirements of builds.
    pins: Pins
    #: Whether it is needed to build an sdist.
    builds: bool = False


class Chosen(NamedTuple):
    """A file that an installer takes."""

    #: Normalised name of the project.
    name: str
    version: str
    file: File
    environment: Environment
    #: What requires it.
    by: str
    is_sdist: bool


class Solution(NamedTuple):
    """Result of ``solve``."""

    chosen: tuple[Chosen, ...]
    unmet: tuple[UnsatisfiedRequirement, ...]
    #: Messages about requirements that can't be read, and about pages that can't.
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    #: Files that builds take, without those that are installed.
    for_builds: tuple[Chosen, ...]


class _Pinned:
    """The releases of the mirror that the pins of a deployment allow (``pins.dependencies.ReleaseSource``)."""

    def __init__(self, view: MirrorView, deployment: Deployment, pins: Pins):
        self._view, self._deployment, self._pins = view, deployment, pins
        self._local = deployment.local_names()

    def releases(self, name: str) -> Sequence[File]:
        files = self._view.releases(name)
        if self._deployment.wheels_only:
            files = [file for file in files if parse(file.filename, name).kind == "wheel"]
        if name not in self._pins.versions:
            return () if self._deployment.pinned_only else files
        return [file for file in files
                if self._pins.allows(name, parse(file.filename, name).version or "", file.content_hashes) is not False]

    def metadata(self, file: File) -> bytes | None:
        return self._view.metadata(file) if self._deployment.follows else b""

    def sdist(self, file: File) -> Sdist | None:
        found = self._view.sdist(file) if self._deployment.follows else Sdist(())
        # Builds take any release, whatever the pins.
        return None if found is None else Sdist((), found.metadata, () if not self._deployment.follows else found.requires)


def solve(deployment: Deployment, view: MirrorView) -> Solution:
    """Resolve the requirements of a deployment in each environment, and then those of the builds."""
    chosen: list[Chosen] = []
    unmet: list[UnsatisfiedRequirement] = []
    problems: dict[str, None] = {}
    notes: dict[str, None] = {}
    local = deployment.local_names()
    for environments, roots, pins in group_environments(deployment):
        source = _Pinned(view, deployment, pins)
        found = resolve(_root_requirements(deployment, roots, pins), environments, source, pins, local=local)
        unmet += _with_pins(found.unmet, pins)
        problems.update(_other_messages(found, found.problems))
        notes.update(_other_messages(found, found.notes))
        chosen += _choose_files(found, source.releases, environments, pins)
    builds = _resolve_builds(deployment, chosen, view)
    unmet += (UnsatisfiedRequirement(one.requirement, one.by, one.environments, Pins(), True) for one in builds.unmet)
    problems.update(_other_messages(builds, builds.problems))
    needed = _choose_files(builds, view.releases, deployment.environments, Pins())
    told = {(one.file.filename, one.environment) for one in chosen}
    return Solution(tuple(chosen), tuple(_merge_unmet(unmet)), tuple(problems), tuple(notes),
                    tuple(one for one in needed if (one.file.filename, one.environment) not in told))


def _root_requirements(deployment: Deployment, roots: Iterable[RootRequirement], pins: Pins) -> Iterator[RootRequirement]:
    """Yield the requirements of a deployment, and its pins if it installs them all."""
    yield from roots
    if deployment.installs_pins:
        for name, versions in pins.versions.items():
            for version in sorted(versions):
                yield RootRequirement(f"{name}=={version}", deployment.source)


def _with_pins(found: Iterable[UnmetRequirement], pins: Pins) -> Iterator[UnsatisfiedRequirement]:
    return (UnsatisfiedRequirement(one.requirement, one.by, one.environments, pins) for one in found)


def _other_messages(found: Resolution, messages: Iterable[str]) -> dict[str, None]:
    """Return the messages that are not about unmet requirements, which are reported as findings."""
    told = {one.message for one in found.unmet}
    return dict.fromkeys(message for message in messages if message not in told)


def _merge_unmet(unmet: Iterable[UnsatisfiedRequirement]) -> Iterator[UnsatisfiedRequirement]:
    """Join requirements that are unmet in several groups of environments."""
    found: dict[tuple[str, str, bool], UnsatisfiedRequirement] = {}
    for one in unmet:
        key = one.requirement, one.by, one.builds
        before = found.get(key)
        found[key] = one if before is None else before._replace(environments=(*before.environments, *one.environments))
    return iter(found.values())


def _choose_files(found: Resolution, releases: object, environments: Iterable[Environment], pins: Pins) -> list[Chosen]:
    """Return the file that is preferred of each release in each environment."""
    chosen = []
    for name, versions in found.releases.items():
        offered = candidates(releases(name), name)  # type: ignore[operator]
        for version in sorted(versions):
            preferred = fitting(offered, SpecifierSet(f"=={version}", prereleases=True), yanked=True)
            for environment in environments:
                one = next((each for each in preferred if installable(each, environment)), None)
                if one is not None:
                    chosen.append(Chosen(name, version, one.file, environment, found.reasons.get((name, version), ""),
                                         one.tags is None))
    return chosen


def _resolve_builds(deployment: Deployment, chosen: Iterable[Chosen], view: MirrorView) -> Resolution:
    """Resolve what builds of the chosen sdists and of the local projects require."""
    by_environment: dict[Environment, dict[str, RootFile]] = {}
    for one in chosen:
        if one.is_sdist:
            by_environment.setdefault(one.environment, {})[one.file.filename] = RootFile(one.name, one.file, run=False)
    local = [RootRequirement(text, f"the build of {each.name or each.folder}") for each in deployment.locals
             for text in each.build_requires]
    parts = [resolve([*by_environment.get(environment, {}).values(), *local], (environment,), view)
             for environment in deployment.environments]
    return _join_resolutions(parts)


def _join_resolutions(parts: Sequence[Resolution]) -> Resolution:
    releases: dict[str, set[str]] = {}
    unmet: dict[tuple[str, str], tuple[Environment, ...]] = {}
    for part in parts:
        for name, versions in part.releases.items():
            releases.setdefault(name, set()).update(versions)
        for one in part.unmet:
            unmet[one.requirement, one.by] = (*unmet.get((one.requirement, one.by), ()), *one.environments)
    return Resolution(
        {name: frozenset(versions) for name, versions in releases.items()},
        {key: reason for part in parts for key, reason in part.reasons.items()},
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        tuple(dict.fromkeys(problem for part in parts for problem in part.problems)),
        tuple(UnmetRequirement(requirement, by, environments) for (requirement, by), environments in unmet.items()))


def candidates_of(view: MirrorView, name: str) -> tuple[Candidate, ...]:
    """Return the wheels and sdists that the mirror has of a project."""
    return candidates(view.releases(name), name)
