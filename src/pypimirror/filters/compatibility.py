"""Filter on Pythons and platforms that can install a file: ``python_versions`` and ``platforms``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from ..interfaces import IFilter
from ..metadata.filenames import Distribution, parse
from ..model import File, Project
from .platforms import runnable_tags

if TYPE_CHECKING:
    from packaging.tags import Tag

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?(t?)")
#: Characters of a Requires-Python; Python refuses to convert numbers of some thousand digits.
_MAX_SPECIFIER = 1000
#: Placeholder for the platform in tags that depend on the Python alone.
_ANYWHERE = "anywhere"


@implementer(IFilter)
class Compatibility:
    """Leaves out files that no configured Python on any configured platform can install.

    A key without values stands for all Pythons (CPython) or all platforms. Wheels: by their tags (``packaging.tags``) and
    Requires-Python. Eggs and installers: by the version of Python and the platform in their names, if any. Sdists stay.
    """

    applies_to_pins = True

    def __init__(self, settings: Mapping[str, Any]):
        """settings: uses ``python_versions`` and ``platforms`` only."""
        versions = settings["python_versions"] or ()
        platforms = settings["platforms"] or ()
        self.active = bool(versions or platforms)
        self.reason = f"not for {' '.join((*(f'Python {version}' for version in versions), *platforms))}"
        # File names of eggs and Requires-Python have no ``t`` for free-threaded builds.
        self._pythons = frozenset(version.rstrip("t") for version in versions)
        self._minors = frozenset(".".join(python.split(".")[:2]) for python in self._pythons)
        self._tags = _compatible_tags(versions) if versions else None
        self._platforms = runnable_tags(platforms) if platforms else None
        # Cached per instance, so that the cache is freed with the filter at the end of a run.
        self._fits_cached = lru_cache(maxsize=1 << 12)(self._fits_tags)

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if self.fits(file, parse(file.filename, project.name)))

    def fits(self, file: File, found: Distribution) -> bool:
        """Return whether any configured Python on any configured platform can install a file. found: its parsed name."""
        if found.kind == "sdist":
            return True
        if found.kind == "wheel":
            if not found.platform:
                return True
            fits = self._fits_cached(found.python, found.abi, found.platform)
        else:
            fits = (not found.python or not self._pythons or found.python in self._minors) and (
                not found.platform or self._platforms is None or _normalize_platform(found.platform) in self._platforms)
        return fits and (not file.requires_python or not self._pythons or allows_python(file.requires_python, self._pythons))

    def _fits_tags(self, python: str, abi: str, platform: str) -> bool:
        """Return whether any of the tags in the name of a wheel is one of the configured Pythons and platforms."""
        pairs = [(interpreter, tag) for interpreter in python.lower().split(".") for tag in abi.lower().split(".")]
        for name in platform.lower().split("."):
            if self._platforms is not None and name != "any" and name not in self._platforms:
                continue
            where = "any" if name == "any" else _ANYWHERE
            if self._tags is None or any((interpreter, tag, where) in self._tags for interpreter, tag in pairs):
                return True
        return False


@lru_cache(maxsize=1 << 12)
def allows_python(specifier: str, pythons: frozenset[str]) -> bool:
    """Return whether a Requires-Python allows any of the Pythons: ``3.11`` stands for all its micro versions.

    An invalid specifier is ignored, as by installers.
    """
    from packaging.specifiers import SpecifierSet

    if len(specifier) > _MAX_SPECIFIER:
        return True
    try:
        allowed = SpecifierSet(specifier)
    except ValueError:  # InvalidSpecifier, or more digits than Python converts
        return True
    # The result changes only next to a number in the specifier.
    numbers = {int(number) for number in re.findall(r"\d{1,9}", specifier)}
    micros = sorted({0} | {micro + step for micro in numbers for step in (-1, 0, 1) if micro + step >= 0})
    return any(allowed.contains(version) for python in pythons
               for version in ([python] if python.count(".") > 1 else [f"{python}.{micro}" for micro in micros]))


def _compatible_tags(versions: Iterable[str]) -> frozenset[tuple[str, str, str]]:
    """Return all tags of wheels that the Pythons can install, with _ANYWHERE as the platform."""
    from packaging.tags import compatible_tags, cpython_tags

    found: set[Tag] = set()
    for version in versions:
        match = _VERSION.fullmatch(version)
        assert match is not None, version
        python = int(match[1]), int(match[2])
        interpreter = f"cp{match[1]}{match[2]}"
        found.update(cpython_tags(python, _abi_tags(python, interpreter, match[3]), [_ANYWHERE]))
        found.update(compatible_tags(python, interpreter, [_ANYWHERE]))
    return frozenset((tag.interpreter, tag.abi, tag.platform) for tag in found)


def _abi_tags(python: tuple[int, int], interpreter: str, threaded: str) -> list[str]:
    """Return the ABI tags of the default builds of CPython, or of the free-threaded ones."""
    if python < (3, 3):
        return [f"{interpreter}mu", f"{interpreter}m"]
    if python < (3, 8):
        return [f"{interpreter}m"]
    return [interpreter + threaded]


def _normalize_platform(platform: str) -> str:
    return re.sub(r"[-.]", "_", platform).lower()
