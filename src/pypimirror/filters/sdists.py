"""Filter on sdists: ``sdists``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from zope.interface import implementer

from ..interfaces import IFilter, ISettings
from ..metadata.filenames import Distribution, parse, release
from ..model import File, Project
from .compatibility import Compatibility, allows_python

_Release = list[tuple[File, Distribution]]


@implementer(IFilter)
class Sdists:
    """Leaves out sdists: all of them, or those of releases that can be installed from wheels everywhere.

    Judges the wheels that the filters before it leave.
    """

    applies_to_pins = True

    def __init__(self, settings: ISettings):
        choice: str = settings["sdists"]
        self.active = choice != "all"
        self.reason = "an sdist" if choice == "none" else "an sdist of a release with wheels for all Pythons and platforms"
        self._fallback = choice == "fallback"
        self._environments = [_Environment(python, platform) for python in settings["python_versions"] or (None,)
                              for platform in settings["platforms"] or (None,)]

    def select(self, project: Project) -> tuple[File, ...]:
        wheels: dict[object, _Release] = defaultdict(list)
        sdists: dict[str, object] = {}
        for file in project.files:
            found = parse(file.filename, project.name)
            if found.kind == "wheel" and not found.variant:
                wheels[release(found.version or "")].append((file, found))
            elif found.kind == "sdist":
                sdists[file.filename] = release(found.version or "")
        return tuple(file for file in project.files if file.filename not in sdists or (
            self._fallback and self._is_needed(file, wheels[sdists[file.filename]])))

    def _is_needed(self, sdist: File, wheels: _Release) -> bool:
        """Return whether an environment that the sdist allows can't install any of the wheels."""
        # Installers take yanked files only if the release is pinned, and that is yanked as a whole.
        usable = [(file, found) for file, found in wheels if sdist.yanked is not False or file.yanked is False]
        return any(each.allows(sdist) and not any(each.installs(file, found) for file, found in usable)
                   for each in self._environments)


class _Environment:
    """One Python on one platform; None stands for all of them, which only wheels without Python or platform fit."""

    def __init__(self, python: str | None, platform: str | None):
        self._pythons = frozenset((python.rstrip("t"),)) if python else frozenset[str]()
        self._is_any = platform is None
        self._fits: Callable[[File, Distribution], bool] = Compatibility({
            "python_versions": (python,) if python else (), "platforms": (platform,) if platform else ()}).fits

    def allows(self, file: File) -> bool:
        """Return whether a file's Requires-Python allows the Python."""
        return not self._pythons or not file.requires_python or allows_python(file.requires_python, self._pythons)

    def installs(self, file: File, found: Distribution) -> bool:
        """Return whether the wheel can be installed."""
        if self._is_any and found.platform != "any":
            return False
        if not self._pythons and not (found.abi == "none" and "py3" in found.python.split(".")):
            return False
        return self._fits(file, found)
