"""Resolves requirements: the releases that are needed to build or to run other releases.

Not a full resolver: it selects the newest release that satisfies each requirement, and the newest one that satisfies all
requirements on a project, if there is one. An installer finds the releases that it needs, sometimes among superfluous ones.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
from .resolution import Resolution, RootFile, RootRequirement, UnmetRequirement

#: Requirements that one resolution evaluates beyond those of the roots, each counted once for each environment and extra.
#: Common resolutions evaluate some ten thousand.
_BUDGET = 1_000_000
#: Files of a project that cost as much as one requirement.
_FILES_PER_REQUIREMENT = 10


class _Step(NamedTuple):
    dependency: Dependency
    by: str
    environment: Environment


class _Exhausted(Exception):
    """The budget is spent."""


def resolve(starts: Iterable[RootRequirement | RootFile], environments: Iterable[Environment], catalogue: ReleaseSource,
            pinned: Pins | None = None, companions: Mapping[str, str] | None = None,
            exempt: Callable[[str], object] = lambda name: False, local: Collection[str] = (),
            held: Callable[[str], Sequence[File]] = lambda name: ()) -> Resolution:
    """Resolve requirements in each environment, transitively.

    Args:
        pinned: if these have a matching version of a project, it is selected instead of the newest one.
        companions: specifiers by project: the newest release that also matches the specifier is selected, too.
        exempt: returns whether unreadable requirements of a project are not a problem.
        local: normalised names of projects that come from elsewhere: requirements on them are satisfied.
        held: returns the files of a project that are held back for safety. If nothing else fits, one of these is what is
            needed, and ``Resolution.held`` has its release. Called after ``catalogue.releases``.
    """
    resolver = _Resolver(catalogue, pinned or Pins(), companions or {}, exempt, frozenset(local), held)
    return resolver.run(starts, tuple(environments))


class _Resolver:
    def __init__(self, catalogue: ReleaseSource, pinned: Pins, companions: Mapping[str, str], exempt: Callable[[str], object],
                 local: frozenset[str], held: Callable[[str], Sequence[File]]):
        self.local = local
        self.pinned = pinned
        self.companions = companions
        self.candidates = _CandidateCache(catalogue, self.spend, held)
        #: Held releases that requirements need, since no other one fits.
        self.held: dict[Release, None] = {}
        self.requirements = DependencyReader(catalogue, exempt)
        self.budget: int | None = None
        self.steps: deque[_Step] = deque()
        self.seen: set[tuple[Environment, str]] = set()
        #: The extras for which the requirements of a file were added.
        self.expanded: dict[tuple[Environment, str], set[str]] = {}
        self.marker_values: dict[tuple[str, Environment, str], bool] = {}
        self.chosen: dict[tuple[Environment, str, str], Candidate | None] = {}
        #: By environment and name: all specifiers and the requested extras.
        self.requested: dict[tuple[Environment, str], tuple[dict[str, None], set[str]]] = {}
        #: Keys of ``requested`` that changed since the last ``combine``.
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
        # The requirements of the roots are always evaluated, the transitive ones breadth-first within the budget.
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
        """Add the requirements of a file with some extras, except those that were added before."""
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
                # ``demo[all]`` may require ``demo[one,two]``: extras of the same release, not of the newest one.
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
        if key not in self.marker_values:
            self.marker_values[key] = applies(marker, environment, (key[2],))
        return self.marker_values[key]

    def add(self, dependency: Dependency, by: str, environment: Environment) -> None:
        if dependency.requirement.url:
            note = f"{by}: {shown(dependency.requirement.name)} comes from a URL, not from an index, and is left out"
            self.notes[note] = None
            return
        key = environment, dependency.text
        if key not in self.seen and dependency.name not in self.local:
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
        if chosen is None and (held := self.choose_held(name, specifier, environment)) is not None:
            # What it requires is looked at when it is let in.
            self.held[name, str(held.version)] = None
            self.reasons.setdefault((name, str(held.version)), by)
        elif chosen is None:
            self.failed.setdefault(label, set()).add(environment)
        else:
            self.satisfied[label] += 1
            self.select(name, chosen, dependency.requirement.extras, by, environment)

    def choose(self, name: str, specifier: str, environment: Environment) -> Candidate | None:
        key = environment, name, specifier
        if key not in self.chosen:
            preferred = self.candidates.pinned(name, specifier, self.pinned) if name in self.pinned.versions else ()
            self.chosen[key] = next((found for found in (*preferred, *self.candidates.fitting(name, specifier))
                                     if installable(found, environment)), None)
        return self.chosen[key]

    def choose_held(self, name: str, specifier: str, environment: Environment) -> Candidate | None:
        return next((found for found in self.candidates.held(name, specifier) if installable(found, environment)), None)

    def select(self, name: str, chosen: Candidate, extras: Iterable[str], by: str, environment: Environment) -> None:
        """Select a release and add its requirements."""
        self.reasons.setdefault((name, str(chosen.version)), by)
        self.expand(name, chosen, chosen.file.filename, self.requirements.requires(name, chosen.file), extras, environment)

    def combine(self) -> bool:
        """Select releases that satisfy all requirements on a project. Return whether there are further steps."""
        changed, self.changed = self.changed, {}
        for environment, name in changed:
            specifiers, extras = self.requested[environment, name]
            self.spend(len(specifiers))
            if len(specifiers) > 1:
                chosen = self.choose(name, ",".join(filter(None, sorted(specifiers))), environment)
                if chosen is not None:
                    self.select(name, chosen, extras, "several requirements together", environment)
        return bool(self.steps)

    def add_companions(self) -> bool:
        """Select the companions of selected releases. Return whether there are further steps."""
        for (environment, name), (specifiers, _) in list(self.requested.items()):
            limit = self.companions.get(name)
            if limit is not None and name not in self.pinned.versions:
                for specifier in list(specifiers):
                    chosen = self.choose(name, ",".join(filter(None, (specifier, limit))), environment)
                    if chosen is not None:
                        self.select(name, chosen, (), f"{name}{limit}", environment)
        return bool(self.steps)

    def result(self) -> Resolution:
        releases: dict[str, set[str]] = {}
        for name, version in self.reasons:
            releases.setdefault(name, set()).add(version)
        notes = {**self.notes, **self.requirements.notes}
        problems = {**self.problems, **self.candidates.problems, **self.requirements.problems}
        unmet = tuple(UnmetRequirement(requirement, by, tuple(sorted(where)), bool(self.satisfied[requirement, by]))
                      for (requirement, by), where in self.failed.items())
        for one in unmet:
            (notes if one.is_partial else problems)[one.message] = None
        return Resolution({name: frozenset(some) for name, some in sorted(releases.items())}, self.reasons, tuple(notes),
                          tuple(problems), unmet, frozenset(self.held))


class _CandidateCache:
    """Candidates by project and specifier."""

    def __init__(self, catalogue: ReleaseSource, spend: Callable[[int], None], held: Callable[[str], Sequence[File]]):
        self._catalogue = catalogue
        self._held = held
        self._spend = spend
        self._candidates: dict[str, tuple[Candidate, ...]] = {}
        self._fitting: dict[tuple[str, str], tuple[Candidate, ...]] = {}
        self.problems: dict[str, None] = {}

    def fitting(self, name: str, specifier: str) -> tuple[Candidate, ...]:
        key = name, specifier
        if key not in self._fitting:
            offered = self._find_candidates(name)
            self._spend(len(offered) // _FILES_PER_REQUIREMENT)
            self._fitting[key] = fitting(offered, SpecifierSet(specifier))
        return self._fitting[key]

    def held(self, name: str, specifier: str) -> tuple[Candidate, ...]:
        """Return the fitting candidates that are held back."""
        return fitting(candidates(self._held(name), name), SpecifierSet(specifier))

    def pinned(self, name: str, specifier: str, pins: Pins) -> Iterator[Candidate]:
        # A pin may be a prerelease or yanked: the administrator chose it.
        found = [candidate for candidate in self._find_candidates(name) if pins.holds(name, str(candidate.version))]
        yield from fitting(found, SpecifierSet(specifier, prereleases=True), yanked=True)

    def _find_candidates(self, name: str) -> tuple[Candidate, ...]:
        if name not in self._candidates:
            try:
                self._candidates[name] = candidates(self._catalogue.releases(name), name)
            except MirrorError as error:
                self._candidates[name] = ()
                self.problems[f"{name}: {shown(str(error), 500)}"] = None
        return self._candidates[name]
