"""Reads uv.lock: the packages that its members need in any of the environments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..names import normalize
from .environments import Environment
from .locked_packages import LockedPackage, any_of, hashes_of_files, holds_somewhere, left_out, named, tables, words

_Package = Mapping[str, Any]


def read_uv_packages(data: Mapping[str, Any], environments: Iterable[Environment],
                     where: str) -> Iterator[LockedPackage | str]:
    """Yield packages of a lock file, and notes on those that do not come from an index. Raises InvalidPins.

    where: the lock file, for messages.
    """
    environments = tuple(environments)
    packages = list(tables(data.get("package")))
    names = [named(package, f"{where}, package {number}") for number, package in enumerate(packages, 1)]
    requested = _Walk(packages, [name for name, _ in names], environments).requested(_required(data))
    for index, (package, (name, version)) in enumerate(zip(packages, names, strict=True)):
        forks = words(package.get("resolution-markers"))
        if not _from_index(package):
            if not _is_member(package):
                yield left_out(where, name)
        elif version is not None and index in requested and (
                not forks or any(holds_somewhere(marker, environments) for marker in forks)):
            files = [*tables(package.get("wheels")), *tables([package.get("sdist")])]
            yield LockedPackage(name, version, any_of(sorted(forks)), frozenset(requested[index]), hashes_of_files(files))


class _Walk:
    """Follows the requirements of packages: these have the markers, the packages have none."""

    def __init__(self, packages: list[_Package], names: list[str], environments: tuple[Environment, ...]):
        self._packages = packages
        self._environments = environments
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(names):
            self._by_name[name].append(index)

    def requested(self, required: Iterable[str]) -> dict[int, set[str]]:
        """Return the packages that are needed, by index, with the extras that are requested of them.

        required: names that the lock file requires of itself.
        """
        found: dict[int, set[str]] = {}
        waiting = [*((index, "") for name in required for index in self._by_name[name]), *self._roots()]
        while waiting:
            index, extra = waiting.pop()
            extras = found.setdefault(index, set())
            if extra in extras:
                continue
            extras.add(extra)
            for of_extra, edges in _edges(self._packages[index]):
                if of_extra == extra:
                    waiting += self._follow_edges(edges)
        return {index: extras - {""} for index, extras in found.items()}

    def _roots(self) -> Iterator[tuple[int, str]]:
        """Yield the packages that are not from an index, and those that nothing requires, with each of their extras.

        Nothing requires what a script or a member without a name requires directly.
        """
        wanted = {target for package in self._packages for _, edges in _edges(package) for edge in edges
                  for target in self._targets(edge)}
        for index, package in enumerate(self._packages):
            if not _from_index(package) or index not in wanted:
                yield from ((index, extra) for extra, _ in _edges(package))
                yield index, ""

    def _follow_edges(self, edges: Iterable[_Package]) -> Iterator[tuple[int, str]]:
        for edge in edges:
            if holds_somewhere(edge.get("marker"), self._environments):
                yield from ((index, extra) for index in self._targets(edge) for extra in ("", *words(edge.get("extra"))))

    def _targets(self, edge: _Package) -> list[int]:
        """Return the packages that a requirement may mean; one that is not ambiguous has no version."""
        name, version = edge.get("name"), edge.get("version")
        known = self._by_name.get(normalize(name), []) if isinstance(name, str) else []
        return [index for index in known if version is None or self._packages[index].get("version") == version]


def _edges(package: _Package) -> Iterator[tuple[str, list[_Package]]]:
    """Yield the requirements by extra. Those of groups count as always required, since only members have groups."""
    yield "", [*tables(package.get("dependencies")), *(edge for group in _lists(package.get("dev-dependencies"))
                                                       for edge in tables(group[1]))]
    for extra, edges in _lists(package.get("optional-dependencies")):
        yield extra, list(tables(edges))


def _lists(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()


def _required(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of what a script's lock file requires."""
    manifest = data.get("manifest")
    if isinstance(manifest, dict):
        yield from (normalize(entry["name"]) for entry in tables(manifest.get("requirements"))
                    if isinstance(entry.get("name"), str))


def _from_index(package: _Package) -> bool:
    source = package.get("source")
    return isinstance(source, dict) and "registry" in source


def _is_member(package: _Package) -> bool:
    source = package.get("source")
    return isinstance(source, dict) and not {"editable", "virtual", "directory"}.isdisjoint(source)
