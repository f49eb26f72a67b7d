"""Follows requirements to their end: what it takes to build or to run some releases.

No full resolver: each requirement brings the newest release that fits it, and requirements on one project bring the newest
release that fits them all, where there is one. So an installer finds what it needs, and now and then a release more.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from ..errors import MirrorError
from ..metadata.core_metadata import parse_email
from ..model import File
from ..names import normalize, shown
from .build import Sdist
from .candidates import Candidate, best, candidates
from .environments import Environment, applies
from .values import Pins, Release

#: Steps of one resolution; real ones take some thousands. Stops metadata that asks for ever more.
_MOST_STEPS = 200_000


class Catalogue(Protocol):
    """What upstream offers. Asked for the same thing once only in a resolution."""

    def releases(self, name: str) -> Sequence[File]:
        """Return the files of a project, by normalised name; none if there is no such project. Raises MirrorError."""

    def metadata(self, file: File) -> bytes | None:
        """Return the core metadata of a wheel, or None where it can't be had."""

    def sdist(self, file: File) -> Sdist | None:
        """Return what an sdist says of itself, or None where it can't be had."""


class Want(NamedTuple):
    """One requirement to start from."""

    #: PEP 508.
    requirement: str
    #: The file, release or configuration that asks for it, for messages.
    by: str


class Resolution(NamedTuple):
    #: Versions by normalised name.
    releases: Mapping[str, frozenset[str]]
    #: What asks for a release: one example.
    reasons: Mapping[Release, str]
    #: What is needed only on some of the Pythons and platforms, and not to be had there.
    notes: tuple[str, ...]
    #: What nothing fits, by name.
    problems: tuple[str, ...]


class _Step(NamedTuple):
    requirement: Requirement
    by: str
    environment: Environment


def requirements_of(file: File, catalogue: Catalogue) -> tuple[str, ...] | None:
    """Give the run-time requirements of a file (PEP 508), or None where they can't be told without building it."""
    if file.filename.endswith(".whl"):
        content = catalogue.metadata(file)
        return None if content is None else _requires_dist(content)
    sdist = catalogue.sdist(file)
    if sdist is None or sdist.requires is not None:
        return sdist and sdist.requires
    return None if sdist.metadata is None else _requires_dist(sdist.metadata)


def resolve(wants: Iterable[Want], environments: Iterable[Environment], catalogue: Catalogue,
            pinned: Pins | None = None) -> Resolution:
    """Follow requirements to their end in every environment.

    pinned: where these have a version of a project that fits, it is taken and nothing newer is looked for.
    """
    return _Resolver(catalogue, pinned or Pins()).run(tuple(wants), tuple(environments))


class _Resolver:
    def __init__(self, catalogue: Catalogue, pinned: Pins):
        self.catalogue = catalogue
        self.pinned = pinned
        self.steps: deque[_Step] = deque()
        self.seen: set[tuple[Environment, str]] = set()
        self.expanded: set[tuple[Environment, str, frozenset[str]]] = set()
        self.offers: dict[str, tuple[Candidate, ...]] = {}
        self.chosen: dict[tuple[Environment, str, str], Candidate | None] = {}
        self.needs: dict[str, tuple[str, ...]] = {}
        #: By environment and name: every specifier met, and the extras asked for.
        self.asked: dict[tuple[Environment, str], tuple[dict[str, None], set[str]]] = {}
        self.reasons: dict[Release, str] = {}
        self.failed: dict[tuple[str, str], set[Environment]] = {}
        self.met: dict[tuple[str, str], int] = {}
        self.problems: dict[str, None] = {}

    def run(self, wants: tuple[Want, ...], environments: tuple[Environment, ...]) -> Resolution:
        for want in wants:
            for environment in environments:
                self.add(want.requirement, want.by, environment, ())
        count = 0
        while self.steps or self.combine():
            self.step(self.steps.popleft())
            count += 1
            if count > _MOST_STEPS:
                self.problems["requirements are followed no further: there are too many"] = None
                break
        return self.result()

    def add(self, text: str, by: str, environment: Environment, extras: Iterable[str]) -> None:
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, RecursionError):
            self.problems[f"{by}: {shown(text)!r} is not a requirement"] = None
            return
        if not applies(requirement.marker, environment, extras):
            return
        if requirement.url:
            self.problems[f"{by}: {shown(requirement.name)} comes from a URL, not from an index"] = None
            return
        requirement.marker = None
        key = environment, str(requirement)
        if key not in self.seen:
            self.seen.add(key)
            self.steps.append(_Step(requirement, by, environment))

    def step(self, step: _Step) -> None:
        requirement, by, environment = step
        name = normalize(requirement.name)
        specifiers, extras = self.asked.setdefault((environment, name), ({}, set()))
        specifiers[str(requirement.specifier)] = None
        extras.update(requirement.extras)
        label = str(requirement), by
        self.met.setdefault(label, 0)
        chosen = self.choose(name, requirement.specifier, environment)
        if chosen is None:
            self.failed.setdefault(label, set()).add(environment)
        else:
            self.met[label] += 1
            self.expand(name, chosen, frozenset(requirement.extras), by, environment)

    def choose(self, name: str, specifier: SpecifierSet, environment: Environment) -> Candidate | None:
        key = environment, name, str(specifier)
        if key not in self.chosen:
            self.chosen[key] = self.look(name, specifier, environment)
        return self.chosen[key]

    def look(self, name: str, specifier: SpecifierSet, environment: Environment) -> Candidate | None:
        offered = self.offered(name)
        if name in self.pinned.versions:
            ours = [candidate for candidate in offered if self.pinned.holds(name, str(candidate.version))]
            # A pin may be a prerelease or yanked: that is the administrator's choice.
            found = best(ours, SpecifierSet(str(specifier), prereleases=True), environment)
            if found is not None:
                return found
        return best(offered, specifier, environment)

    def offered(self, name: str) -> tuple[Candidate, ...]:
        if name not in self.offers:
            try:
                self.offers[name] = candidates(self.catalogue.releases(name))
            except MirrorError as error:
                self.offers[name] = ()
                self.problems[f"{name}: {shown(str(error), 500)}"] = None
        return self.offers[name]

    def expand(self, name: str, chosen: Candidate, extras: frozenset[str], by: str, environment: Environment) -> None:
        """Take a release and ask for what it needs itself."""
        self.reasons.setdefault((name, str(chosen.version)), by)
        filename = chosen.file.filename
        if (environment, filename, extras) in self.expanded:
            return
        self.expanded.add((environment, filename, extras))
        for text in self.needed(chosen):
            self.add(text, filename, environment, ("", *sorted(extras)))

    def needed(self, chosen: Candidate) -> tuple[str, ...]:
        file = chosen.file
        if file.filename not in self.needs:
            try:
                run = requirements_of(file, self.catalogue)
                sdist = self.catalogue.sdist(file) if chosen.tags is None else None
            except MirrorError as error:
                self.problems[f"{file.filename}: what it requires is not known: {shown(str(error), 500)}"] = None
                run, sdist = (), None
            if run is None:
                self.problems[f"{file.filename}: what it requires is not known without building it"] = None
            if sdist is not None:
                self.problems.update(dict.fromkeys(sdist.problems))
            self.needs[file.filename] = (*(run or ()), *(sdist.build_requires if sdist else ()))
        return self.needs[file.filename]

    def combine(self) -> bool:
        """Look for releases that fit all that is asked of a project together. Says whether there is more to do."""
        for (environment, name), (specifiers, extras) in self.asked.items():
            if len(specifiers) < 2:
                continue
            every = SpecifierSet(",".join(filter(None, sorted(specifiers))))
            chosen = self.choose(name, every, environment)
            if chosen is not None:
                self.expand(name, chosen, frozenset(extras), "several requirements together", environment)
        return bool(self.steps)

    def result(self) -> Resolution:
        releases: dict[str, set[str]] = {}
        for name, version in self.reasons:
            releases.setdefault(name, set()).add(version)
        notes: list[str] = []
        problems = list(self.problems)
        for (requirement, by), where in self.failed.items():
            pythons = ", ".join(dict.fromkeys(f"Python {environment.python} on {environment.platform}"
                                              for environment in sorted(where)))
            if self.met[requirement, by]:
                notes.append(f"{by} requires {requirement}: nothing fits on {shown(pythons, 300)}")
            else:
                problems.append(f"{by} requires {requirement}: no release fits")
        return Resolution({name: frozenset(some) for name, some in sorted(releases.items())}, self.reasons, tuple(notes),
                          tuple(problems))


def _requires_dist(content: bytes) -> tuple[str, ...] | None:
    """Give the requirements in core metadata, or None where it leaves them to the build (PEP 643). Raises InvalidContent."""
    raw, unparsed = parse_email(content)
    found = (*raw.get("requires_dist", ()), *unparsed.get("requires-dist", ()))
    return None if not found and "requires-dist" in map(str.lower, raw.get("dynamic", ())) else found
