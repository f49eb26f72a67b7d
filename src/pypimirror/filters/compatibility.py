"""What Pythons and platforms can install: ``python_versions`` and ``platforms``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import Distribution, parse
from ..model import File, Project
from .platforms import runnable

if TYPE_CHECKING:
    from packaging.tags import Tag

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?(t?)")
#: Characters of a Requires-Python; Python refuses to read numbers of some thousand digits.
_LONGEST_SPECIFIER = 1000
#: Stands for whatever platforms there are where tags are made for the Python alone.
_ANYWHERE = "anywhere"


@implementer(IFilter)
class Compatibility:
    """Leaves out wheels that none of the Pythons on none of the platforms can install, as packaging.tags has it.

    A key without values stands for all Pythons or all platforms. The Pythons are CPython's. A wheel that requires another
    version of Python (``data-requires-python``) can't be installed either. Eggs and installers are judged by the
    version of Python and the platform in their names, where there are any. Sdists stay.
    """

    applies_to_pins = True

    def __init__(self, settings: ISettings):
        versions = settings["python_versions"] or ()
        platforms = settings["platforms"] or ()
        self.active = bool(versions or platforms)
        self.reason = f"not for {' '.join((*(f'Python {version}' for version in versions), *platforms))}"
        # The part of ``3.13t`` that names of eggs and Requires-Python know.
        self._pythons = frozenset(version.rstrip("t") for version in versions)
        self._minors = frozenset(".".join(python.split(".")[:2]) for python in self._pythons)
        self._tags = _tags(versions) if versions else None
        self._platforms = runnable(platforms) if platforms else None
        # One method of one filter that lives as long as a run: nothing outlives it.
        self._fits = lru_cache(maxsize=1 << 12)(self._fits_tags)

    def select(self, project: Project) -> tuple[File, ...]:
        return tuple(file for file in project.files if self._installable(file, parse(file.filename, project.name)))

    def _installable(self, file: File, found: Distribution) -> bool:
        if found.kind == "sdist":
            return True
        if found.kind == "wheel":
            if not found.platform:
                return True
            fits = self._fits(found.python, found.abi, found.platform)
        else:
            fits = (not found.python or not self._pythons or found.python in self._minors) and (
                not found.platform or self._platforms is None or _underscored(found.platform) in self._platforms)
        return fits and (not file.requires_python or not self._pythons or required(file.requires_python, self._pythons))

    def _fits_tags(self, python: str, abi: str, platform: str) -> bool:
        pairs = [(one, other) for one in python.lower().split(".") for other in abi.lower().split(".")]
        for name in platform.lower().split("."):
            if self._platforms is not None and name != "any" and name not in self._platforms:
                continue
            where = "any" if name == "any" else _ANYWHERE
            if self._tags is None or any((one, other, where) in self._tags for one, other in pairs):
                return True
        return False


@lru_cache(maxsize=1 << 12)
def required(specifier: str, pythons: frozenset[str]) -> bool:
    """Whether some micro version of any of the Pythons (``3.11``) satisfies a Requires-Python; ``3.11.2`` is one.

    One that is not a valid specifier is ignored, as installers do.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if len(specifier) > _LONGEST_SPECIFIER:
        return True
    try:
        asked = SpecifierSet(specifier)
    except InvalidSpecifier:
        return True
    # An answer changes only next to a number that the specifier names.
    named = {int(number) for number in re.findall(r"\d{1,9}", specifier)}
    micros = sorted({0} | {micro + step for micro in named for step in (-1, 0, 1) if micro + step >= 0})
    return any(asked.contains(one) for python in pythons
               for one in ([python] if python.count(".") > 1 else [f"{python}.{micro}" for micro in micros]))


def _tags(versions: Iterable[str]) -> frozenset[tuple[str, str, str]]:
    """Give all tags of wheels that the Pythons install, with _ANYWHERE in the place of all platforms."""
    from packaging.tags import compatible_tags, cpython_tags

    found: set[Tag] = set()
    for version in versions:
        match = _VERSION.fullmatch(version)
        assert match is not None, version
        python = int(match[1]), int(match[2])
        interpreter = f"cp{match[1]}{match[2]}"
        found.update(cpython_tags(python, _abis(python, interpreter, match[3]), [_ANYWHERE]))
        found.update(compatible_tags(python, interpreter, [_ANYWHERE]))
    return frozenset((tag.interpreter, tag.abi, tag.platform) for tag in found)


def _abis(python: tuple[int, int], interpreter: str, threaded: str) -> list[str]:
    """Give the ABI tags of ordinary builds of CPython."""
    if python < (3, 3):
        return [f"{interpreter}mu", f"{interpreter}m"]
    if python < (3, 8):
        return [f"{interpreter}m"]
    return [interpreter + threaded]


def _underscored(platform: str) -> str:
    return re.sub(r"[-.]", "_", platform).lower()
