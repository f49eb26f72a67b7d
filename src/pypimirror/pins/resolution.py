"""The roots of a resolution of requirements, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model import File
from ..names import shown
from .environments import Environment
from .model import Release


class RootRequirement(NamedTuple):
    """A requirement to start from."""

    #: PEP 508.
    requirement: str
    #: The file, release or configuration with the requirement, for messages.
    by: str


class RootFile(NamedTuple):
    """A file of a selected release to start from."""

    #: Normalised name of the project.
    name: str
    file: File
    #: Requested extras.
    extras: frozenset[str] = frozenset()
    #: Whether to resolve its run-time requirements, too, and not only those of its build.
    run: bool = True
    #: Whether a wheel of the same release is among the roots: then unknown requirements of an sdist are not a problem.
    has_wheel: bool = False


class UnmetRequirement(NamedTuple):
    """A requirement that no release satisfies, in some environments at least."""

    requirement: str
    by: str
    environments: tuple[Environment, ...]
    #: Whether a release satisfies it in other environments.
    is_partial: bool = False

    @property
    def message(self) -> str:
        text = f"{self.by} requires {shown(self.requirement)}"
        if not self.is_partial:
            return f"{text}: no release fits"
        pythons = ", ".join(dict.fromkeys(f"Python {environment.python} on {environment.platform}"
                                          for environment in self.environments))
        return f"{text}: nothing fits on {shown(pythons, 300)}"


class Resolution(NamedTuple):
    """Result of ``resolve``."""

    #: Versions by normalised name.
    releases: Mapping[str, frozenset[str]]
    #: One file that requires the release.
    reasons: Mapping[Release, str]
    #: Messages about requirements that no release satisfies on some Pythons and platforms, and unsupported ones.
    notes: tuple[str, ...]
    #: Messages about requirements that no release satisfies, and about errors.
    problems: tuple[str, ...]
    #: The requirements in these messages.
    unmet: tuple[UnmetRequirement, ...] = ()
    #: Of the releases, those that are held back for safety, while no other one fits.
    held: frozenset[Release] = frozenset()
