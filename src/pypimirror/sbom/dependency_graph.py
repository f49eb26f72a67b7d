"""Dependencies among the components of an SBOM, for the configured Pythons and platforms."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from packaging.requirements import InvalidRequirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ..filters.compatibility import allows_python
from ..metadata.filenames import pep440
from ..pins.environments import Environment, applies
from ..pins.model import Release
from ..pins.pep508 import Dependency, parse_dependency

_OLDEST = Version("0.dev0")


class _Node(NamedTuple):
    release: Release
    version: Version | None
    #: Requires-Python; empty without one.
    requires_python: str
    dependencies: tuple[Dependency, ...]


class DependencyGraph:
    """Finds the components that satisfy the requirements of others: for each Python, the newest release that fits."""

    def __init__(self, environments: Sequence[Environment]):
        self._environments = tuple(environments)
        self._nodes: dict[str, list[_Node]] = {}
        #: Targets by specifier, name and Python; whether requirements apply, by marker, Python and extra.
        self._chosen: dict[tuple[str, str, str], _Node | None] = {}
        self._pythons: dict[tuple[str, str], tuple[str, ...]] = {}

    def add(self, release: Release, requires: Iterable[str], requires_python: str = "") -> list[str]:
        """Add a component; return the requirements that are not valid (PEP 508)."""
        invalid: list[str] = []
        dependencies: list[Dependency] = []
        for text in requires:
            try:
                dependencies.append(parse_dependency(text))
            except InvalidRequirement:
                invalid.append(text)
        node = _Node(release, pep440(release[1]), requires_python, tuple(dependencies))
        self._nodes.setdefault(release[0], []).append(node)
        return invalid

    def edges(self) -> Iterator[tuple[Release, tuple[Release, ...]]]:
        """Yield each component with those that it depends on, in order.

        Requirements of an extra count where a component requires the extra.
        """
        found: dict[Release, set[Release]] = {}
        extras: dict[Release, set[str]] = {}
        todo = deque((node, "") for name in self._nodes for node in self._nodes[name])
        while todo:
            node, extra = todo.popleft()
            targets = found.setdefault(node.release, set())
            for dependency in node.dependencies:
                if extra and dependency.extras is not None and extra not in dependency.extras:
                    continue
                for target in self._find_targets(node, dependency, extra):
                    if target is not node:
                        targets.add(target.release)
                    known = extras.setdefault(target.release, set())
                    todo.extend((target, each) for each in sorted(dependency.requirement.extras - known))
                    known |= dependency.requirement.extras
        for release in sorted(found):
            yield release, tuple(sorted(found[release]))

    def _find_targets(self, node: _Node, dependency: Dependency, extra: str) -> Iterable[_Node]:
        """Return the components that satisfy a requirement: the newest ones of each Python for which it applies."""
        if dependency.requirement.url or dependency.name not in self._nodes:
            return ()
        specifier = str(dependency.requirement.specifier)
        if dependency.name == node.release[0] and _satisfies(node, SpecifierSet(specifier)):
            # ``demo[all]`` requires ``demo[one,two]``: extras of the same release, not of the newest one.
            return (node,) if self._applicable_pythons(dependency, extra) else ()
        nodes = (self._newest_release(dependency.name, specifier, python)
                 for python in self._applicable_pythons(dependency, extra))
        return {node.release: node for node in nodes if node is not None}.values()

    def _applicable_pythons(self, dependency: Dependency, extra: str) -> tuple[str, ...]:
        """Return the Pythons for which a requirement applies on one of the platforms."""
        key = dependency.marker, extra if dependency.extras != frozenset() else ""
        if key not in self._pythons:
            self._pythons[key] = tuple(dict.fromkeys(
                each.python for each in self._environments if applies(dependency.requirement.marker, each, (key[1],))))
        return self._pythons[key]

    def _newest_release(self, name: str, specifier: str, python: str) -> _Node | None:
        """Return the newest component of a project that fits a specifier and a Python, or None."""
        key = specifier, name, python
        if key not in self._chosen:
            limit = SpecifierSet(specifier)
            fitting = [node for node in self._nodes[name] if _satisfies(node, limit) and (
                       not node.requires_python or allows_python(node.requires_python, frozenset({python})))]
            early = bool(limit.prereleases)
            self._chosen[key] = max(fitting, default=None, key=lambda node: _sort_key(node.version, early))
        return self._chosen[key]


def _satisfies(node: _Node, limit: SpecifierSet) -> bool:
    """Return whether a release matches a specifier; a version that is not valid (PEP 440) matches only an empty one."""
    return not len(limit) if node.version is None else limit.contains(node.version, prereleases=True)


def _sort_key(version: Version | None, early: bool) -> tuple[bool, Version]:
    """Return the key of an order in which final releases precede prereleases."""
    return (False, _OLDEST) if version is None else (early or not version.is_prerelease, version)
