"""Follows requirements to their end: what it takes to build or to run some releases.

No full resolver: each requirement brings the newest release that fits it, and requirements on one project bring the newest
release that fits them all, where there is one. So an installer finds what it needs, and now and then a release more.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from packaging.requirements import InvalidRequirement
from packaging.specifiers import SpecifierSet

from ..errors import MirrorError
from ..model import File
from ..names import shown
from .candidates import Candidate, candidate, candidates, fitting, installable
from .dependencies import DependencyReader, FileDependencies, ReleaseSource
from .environments import Environment, applies
from .model import Pins, Release
from .pep508 import Dependency, parse_dependency

#: Requirements that one resolution looks at beyond those of the releases that it starts from, each counted once for each
#: environment and extra. Real ones look at some ten thousand.
_BUDGET = 1_000_000
#: As many files of a project cost as much as one requirement.
_FILES = 10


class RootRequirement(NamedTuple):
    """One requirement to start from."""

    #: PEP 508.
    requirement: str
    #: The file, release or configuration that asks for it, for messages.
    by: str


class RootFile(NamedTuple):
    """One file of a selected release to start from."""

    #: Normalised name of the project.
    name: str
    file: File
    #: The extras that are requested of it.
    extras: frozenset[str] = frozenset()
    #: Whether its run-time requirements are followed, and not only what builds it.
    run: bool = True
    #: Whether a wheel of the same release is among the roots: then it is no loss if an sdist does not state what it requires.
    has_wheel: bool = False


class Resolution(NamedTuple):
    #: Versions by normalised name.
    releases: Mapping[str, frozenset[str]]
    #: What asks for a release: one example.
    reasons: Mapping[Release, str]
    #: What is needed only on some of the Pythons and platforms and does not exist there, and what can't be followed.
    notes: tuple[str, ...]
    #: What nothing fits, by name.
    problems: tuple[str, ...]


class _Step(NamedTuple):
    dependency: Dependency
    by: str
    environment: Environment


class _Exhausted(Exception):
    """The budget is spent."""


def resolve(starts: Iterable[RootRequirement | RootFile], environments: Iterable[Environment], catalogue: ReleaseSource,
            pinned: Pins | None = None, companions: Mapping[str, str] | None = None,
            exempt: Callable[[str], object] = lambda name: False) -> Resolution:
    """Follow requirements to their end in every environment.

    Args:
        pinned: where these have a version of a project that fits, it is taken and nothing newer is looked for.
        companions: specifiers by project: where a newer release is taken, the newest one that fits the specifier is taken too.
        exempt: says of a project whether it is no problem that what its releases require can't be read.
    """
    return _Resolver(catalogue, pinned or Pins(), companions or {}, exempt).run(starts, tuple(environments))


class _Resolver:
    def __init__(self, catalogue: ReleaseSource, pinned: Pins, companions: Mapping[str, str], exempt: Callable[[str], object]):
        self.pinned = pinned
        self.companions = companions
        self.offers = _CandidateCache(catalogue, self.spend)
        self.requirements = DependencyReader(catalogue, exempt)
        self.budget: int | None = None
        self.steps: deque[_Step] = deque()
        self.seen: set[tuple[Environment, str]] = set()
        #: The extras that a file was expanded for so far.
        self.expanded: dict[tuple[Environment, str], set[str]] = {}
        self.markers: dict[tuple[str, Environment, str], bool] = {}
        self.chosen: dict[tuple[Environment, str, str], Candidate | None] = {}
        #: By environment and name: every specifier met, and the extras requested.
        self.requested: dict[tuple[Environment, str], tuple[dict[str, None], set[str]]] = {}
        #: Those of which more was asked since releases that fit all of it were looked for.
        self.changed: dict[tuple[Environment, str], None] = {}
        self.reasons: dict[Release, str] = {}
        self.failed: dict[tuple[str, str], set[Environment]] = {}
        self.satisfied: dict[tuple[str, str], int] = {}
        self.notes: dict[str, None] = {}
        self.problems: dict[str, None] = {}

    def run(self, starts: Iterable[RootRequirement | RootFile], environments: tuple[Environment, ...]) -> Resolution:
        for start in starts:
            if isinstance(start, RootFile):
                self.root(start, environments)
            else:
                self.want(start, environments)
        # What is selected is followed in any case; what that leads to, within the budget, the nearest first.
        self.budget = _BUDGET
        try:
            while self.steps or self.combine() or self.add_companions():
                self.step(self.steps.popleft())
        except _Exhausted:
            self.problems[f"requirements are followed no further: more than {_BUDGET} were looked at; "
                          f"{len(self.steps)} are left"] = None
        return self.result()

    def spend(self, amount: int) -> None:
        if self.budget is not None:
            self.budget -= amount
            if self.budget < 0:
                raise _Exhausted

    def want(self, want: RootRequirement, environments: Iterable[Environment]) -> None:
        try:
            dependency = parse_dependency(want.requirement)
        except InvalidRequirement:
            self.problems[f"{want.by}: {shown(want.requirement)!r} is not a requirement"] = None
            return
        for environment in environments:
            if self.holds(dependency, environment, ""):
                self.add(dependency, want.by, environment)

    def root(self, root: RootFile, environments: tuple[Environment, ...]) -> None:
        found = candidate(root.file, root.name)
        where = [environment for environment in environments if found is not None and installable(found, environment)]
        requires = self.requirements.requires(root.name, root.file, root.run, root.has_wheel)
        for environment in where or environments:
            self.expand(root.name, found, root.file.filename, requires, root.extras, environment)

    def expand(self, name: str, found: Candidate | None, filename: str, requires: FileDependencies, extras: Iterable[str],
               environment: Environment) -> None:
        """Ask for what a file requires with some extras, beyond what was asked for already."""
        done = self.expanded.setdefault((environment, filename), set())
        todo = deque(extra for extra in ("", *sorted(extras)) if extra not in done)
        while todo:
            extra = todo.popleft()
            if extra in done:
                continue
            done.add(extra)
            for dependency in requires.with_extra(extra):
                if not self.holds(dependency, environment, extra):
                    continue
                # ``demo[all]`` may require ``demo[one,two]``: the same release, whatever newer one there is.
                if dependency.name == name and dependency.requirement.url is None and (
                        found is None or dependency.requirement.specifier.contains(found.version, prereleases=True)):
                    todo.extend(sorted(dependency.requirement.extras - done))
                else:
                    self.add(dependency, filename, environment)

    def holds(self, dependency: Dependency, environment: Environment, extra: str) -> bool:
        self.spend(1)
        marker = dependency.requirement.marker
        if marker is None:
            return True
        key = dependency.marker, environment, extra if dependency.extras != frozenset() else ""
        if key not in self.markers:
            self.markers[key] = applies(marker, environment, (key[2],))
        return self.markers[key]

    def add(self, dependency: Dependency, by: str, environment: Environment) -> None:
        if dependency.requirement.url:
            note = f"{by}: {shown(dependency.requirement.name)} comes from a URL, not from an index, and is left out"
            self.notes[note] = None
            return
        key = environment, dependency.text
        if key not in self.seen:
            self.seen.add(key)
            self.steps.append(_Step(dependency, by, environment))

    def step(self, step: _Step) -> None:
        dependency, by, environment = step
        name, specifier = dependency.name, str(dependency.requirement.specifier)
        specifiers, extras = self.requested.setdefault((environment, name), ({}, set()))
        if specifier not in specifiers or not extras.issuperset(dependency.requirement.extras):
            self.changed[environment, name] = None
        specifiers[specifier] = None
        extras.update(dependency.requirement.extras)
        label = dependency.text, by
        self.satisfied.setdefault(label, 0)
        chosen = self.choose(name, specifier, environment)
        if chosen is None:
            self.failed.setdefault(label, set()).add(environment)
        else:
            self.satisfied[label] += 1
            self.take(name, chosen, dependency.requirement.extras, by, environment)

    def choose(self, name: str, specifier: str, environment: Environment) -> Candidate | None:
        key = environment, name, specifier
        if key not in self.chosen:
            ours = self.offers.pinned(name, specifier, self.pinned) if name in self.pinned.versions else ()
            self.chosen[key] = next((found for found in (*ours, *self.offers.fitting(name, specifier))
                                     if installable(found, environment)), None)
        return self.chosen[key]

    def take(self, name: str, chosen: Candidate, extras: Iterable[str], by: str, environment: Environment) -> None:
        """Take a release and ask for what it needs itself."""
        self.reasons.setdefault((name, str(chosen.version)), by)
        self.expand(name, chosen, chosen.file.filename, self.requirements.requires(name, chosen.file), extras, environment)

    def combine(self) -> bool:
        """Look for releases that fit all that is asked of a project together. Returns whether there is more to do."""
        changed, self.changed = self.changed, {}
        for environment, name in changed:
            specifiers, extras = self.requested[environment, name]
            self.spend(len(specifiers))
            if len(specifiers) > 1:
                chosen = self.choose(name, ",".join(filter(None, sorted(specifiers))), environment)
                if chosen is not None:
                    self.take(name, chosen, extras, "several requirements together", environment)
        return bool(self.steps)

    def add_companions(self) -> bool:
        """Take what is wanted companions newer releases. Returns whether there is more to do."""
        for (environment, name), (specifiers, _) in list(self.requested.items()):
            limit = self.companions.get(name)
            if limit is not None and name not in self.pinned.versions:
                for specifier in list(specifiers):
                    chosen = self.choose(name, ",".join(filter(None, (specifier, limit))), environment)
                    if chosen is not None:
                        self.take(name, chosen, (), f"{name}{limit}", environment)
        return bool(self.steps)

    def result(self) -> Resolution:
        releases: dict[str, set[str]] = {}
        for name, version in self.reasons:
            releases.setdefault(name, set()).add(version)
        notes = {**self.notes, **self.requirements.notes}
        problems = {**self.problems, **self.offers.problems, **self.requirements.problems}
        for (requirement, by), where in self.failed.items():
            pythons = ", ".join(dict.fromkeys(f"Python {environment.python} on {environment.platform}"
                                              for environment in sorted(where)))
            if self.satisfied[requirement, by]:
                notes[f"{by} requires {shown(requirement)}: nothing fits on {shown(pythons, 300)}"] = None
            else:
                problems[f"{by} requires {shown(requirement)}: no release fits"] = None
        return Resolution({name: frozenset(some) for name, some in sorted(releases.items())}, self.reasons, tuple(notes),
                          tuple(problems))


class _CandidateCache:
    """The candidates of projects, by what is asked of them."""

    def __init__(self, catalogue: ReleaseSource, spend: Callable[[int], None]):
        self._catalogue = catalogue
        self._spend = spend
        self._candidates: dict[str, tuple[Candidate, ...]] = {}
        self._fitting: dict[tuple[str, str], tuple[Candidate, ...]] = {}
        self.problems: dict[str, None] = {}

    def fitting(self, name: str, specifier: str) -> tuple[Candidate, ...]:
        key = name, specifier
        if key not in self._fitting:
            offered = self._of(name)
            self._spend(len(offered) // _FILES)
            self._fitting[key] = fitting(offered, SpecifierSet(specifier))
        return self._fitting[key]

    def pinned(self, name: str, specifier: str, pins: Pins) -> Iterator[Candidate]:
        # A pin may be a prerelease or yanked: that is the administrator's choice.
        ours = [found for found in self._of(name) if pins.holds(name, str(found.version))]
        yield from fitting(ours, SpecifierSet(specifier, prereleases=True), yanked=True)

    def _of(self, name: str) -> tuple[Candidate, ...]:
        if name not in self._candidates:
            try:
                self._candidates[name] = candidates(self._catalogue.releases(name), name)
            except MirrorError as error:
                self._candidates[name] = ()
                self.problems[f"{name}: {shown(str(error), 500)}"] = None
        return self._candidates[name]
