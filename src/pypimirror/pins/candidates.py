"""Which releases of a project an installer could take, and which of them it would."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..model import File
from .environments import Environment, marker_values, supported_tags


class Candidate(NamedTuple):
    """One file that can be installed."""

    version: Version
    file: File
    #: What a wheel runs on; nothing for an sdist, which has to be built first.
    tags: frozenset[Tag] | None


def candidates(files: Iterable[File]) -> tuple[Candidate, ...]:
    """Give the wheels and sdists among the files of a project; what has no version (PEP 440) is left out."""
    found: list[Candidate] = []
    for file in files:
        try:
            if file.filename.endswith(".whl"):
                _, version, _, tags = parse_wheel_filename(file.filename)
                found.append(Candidate(version, file, tags))
            else:
                found.append(Candidate(parse_sdist_filename(file.filename)[1], file, None))
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue
    return tuple(found)


def best(offered: Iterable[Candidate], specifier: SpecifierSet, environment: Environment) -> Candidate | None:
    """Give the newest release that fits, or None.

    Final releases come before prereleases, then wheels before sdists, then newer before older ones. A yanked file counts only
    where its very version is asked for (PEP 592).
    """
    exact = any(part.operator in ("==", "===") and not part.version.endswith(".*") for part in specifier)
    fitting = [candidate for candidate in offered
               if specifier.contains(candidate.version, prereleases=True)
               and (exact or not candidate.file.yanked)
               and _installable(candidate, environment)]
    early = bool(specifier.prereleases)
    return max(fitting, default=None, key=lambda candidate: (
        early or not candidate.version.is_prerelease, candidate.tags is not None, candidate.version, candidate.file.filename))


def _installable(candidate: Candidate, environment: Environment) -> bool:
    if candidate.tags is not None and candidate.tags.isdisjoint(supported_tags(environment)):
        return False
    return _python_fits(candidate.file.requires_python or "", environment)


@lru_cache(10_000)
def _python_fits(requires: str, environment: Environment) -> bool:
    try:
        specifier = SpecifierSet(requires)
    except InvalidSpecifier:
        # Installers ignore it as well.
        return True
    return any(specifier.contains(marker_values(environment, newest)["python_full_version"], prereleases=True)
               for newest in (True, False))
