"""Candidates: files of a project that an installer could choose, and their order of preference."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.version import Version

from ..filters.compatibility import allows_python
from ..metadata.filenames import parse, pep440
from ..model import File
from .environments import Environment, supported_tags

#: Combinations of the tags of one wheel. Common wheels have less than a hundred.
_MAX_TAGS = 1000

#: Python, ABI and platform tag of a wheel, each of which may be several, separated by dots.
Tags = tuple[str, str, str]


class Candidate(NamedTuple):
    """One wheel or sdist."""

    version: Version
    file: File
    #: None for an sdist.
    tags: Tags | None


def candidates(files: Iterable[File], name: str) -> tuple[Candidate, ...]:
    """Return the wheels and sdists among the files of a project.

    Files that installers ignore are left out: other formats, names of other projects, invalid versions (PEP 440), wheels with a
    variant label. name: the normalised name of the project.
    """
    return tuple(found for file in files if (found := candidate(file, name)) is not None)


def candidate(file: File, name: str) -> Candidate | None:
    """Return a file as a candidate, or None if installers ignore it."""
    parsed = parse(file.filename, name)
    version = pep440(parsed.version) if parsed.version else None
    if version is None or parsed.variant or not (parsed.kind == "sdist" or (parsed.kind == "wheel" and parsed.python)):
        return None
    return Candidate(version, file, (parsed.python, parsed.abi, parsed.platform) if parsed.kind == "wheel" else None)


def best(offered: Iterable[Candidate], specifier: SpecifierSet, environment: Environment) -> Candidate | None:
    """Return the first candidate by the order of ``fitting`` that can be installed, or None."""
    return next((candidate for candidate in fitting(offered, specifier) if installable(candidate, environment)), None)


def fitting(offered: Iterable[Candidate], specifier: SpecifierSet, yanked: bool = False) -> tuple[Candidate, ...]:
    """Return the candidates that match the specifier, the preferred one first.

    Final releases before prereleases, then wheels before sdists, then newer before older ones. A yanked file counts only if the
    specifier names its exact version (PEP 592), or with ``yanked``.
    """
    exact = yanked or any(part.operator in ("==", "===") and not part.version.endswith(".*") for part in specifier)
    early = bool(specifier.prereleases)
    found = [candidate for candidate in offered
             if (exact or candidate.file.yanked is False) and specifier.contains(candidate.version, prereleases=True)]
    return tuple(sorted(found, reverse=True, key=lambda candidate: (
        early or not candidate.version.is_prerelease, candidate.tags is not None, candidate.version, candidate.file.filename)))


def installable(candidate: Candidate, environment: Environment) -> bool:
    """Return whether an installer accepts the file in the environment: by its tags and its Requires-Python."""
    if candidate.tags is not None and not _runs(candidate.tags, environment):
        return False
    requires = candidate.file.requires_python
    return not requires or allows_python(requires, frozenset({environment.python}))


@lru_cache(50_000)
def _runs(tags: Tags, environment: Environment) -> bool:
    pythons, abis, platforms = (part.split(".") for part in tags)
    if len(pythons) * len(abis) * len(platforms) > _MAX_TAGS:
        return False
    supported = supported_tags(environment)
    return any(Tag(*parts) in supported for parts in product(pythons, abis, platforms))
