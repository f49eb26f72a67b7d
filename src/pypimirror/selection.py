"""Selects projects and files: runs the filters in order, and keeps pinned releases that filters on releases leave out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from .errors import ConfigurationError
from .filters import results
from .filters.globs import MOST_WRITTEN, any_spelling
from .interfaces import (
    IExactNames,
    IExplainedFilter,
    IFilter,
    IMetadataFilter,
    INameFilter,
    ISafetyFilter,
    ITimedFilter,
    IUploadTimeFilter,
    IUrgentFilter,
    IWrittenNames,
)
from .metadata.filenames import parse
from .model import File, Project
from .names import normalize
from .pins.pinned_releases import ArbitraryEquality, Hashes, PinnedReleases, pinned_of
from .selected import LeftOut, Selected, Unmet

_NO_PINS: Mapping[str, frozenset[str]] = {}
_NO_HASHES: Hashes = {}
#: Reason why a file of a pinned release is left out.
OTHER_HASH = "no pin allows its hash"


class Wanted(NamedTuple):
    """The selected names, as ``ISource.listing`` takes them."""

    #: Whether a normalised name is selected.
    wanted: Callable[[str], bool]
    #: A regular expression that all selected names match (IWrittenNames), or None.
    written: str | None


class _ActiveFilter(NamedTuple):
    """A filter, and which of the optional interfaces it provides."""

    name: str
    component: Any
    is_timed: bool
    reads_metadata: bool
    #: Whether it applies to releases that are required and not pinned.
    is_for_safety: bool


class _Filtering:
    """The files of one project while the filters run."""

    def __init__(self, project: Project, pinned: frozenset[str], required: frozenset[str] = frozenset()):
        """pinned: names of the files that pins and requirements select. required: of these, the ones that no pin selects."""
        self._project = project
        self._pinned = pinned
        self._required = required
        #: Names of files that only their pin selects; filters on releases don't see them, so that a pin never displaces others.
        self._pinned_only: frozenset[str] = frozenset()
        #: Names of files that are not selected, but that filters for safety compare others with.
        self._others: frozenset[str] = frozenset()
        self.files = project.files
        self.left_out: list[LeftOut] = []
        self.due: float | None = None
        self.untimed = 0
        self.seconds: dict[str, float] = {}

    def keep_pinned(self, why: Callable[[File], str]) -> None:
        """Leave out all files but the pinned ones. why: returns the reason."""
        self._pinned_only = self._pinned
        self._others = frozenset(file.filename for file in self.files) - self._pinned
        self.left_out += [LeftOut(file, why(file)) for file in self.files if file.filename not in self._pinned]
        self.files = tuple(file for file in self.files if file.filename in self._pinned)

    def apply(self, each: _ActiveFilter, metadata: Callable[[File], bytes | None] | None) -> None:
        """Leave out the files that one filter leaves out."""
        if each.reads_metadata and metadata is None:
            raise ConfigurationError(f"the filter {each.name} needs core metadata, which is not available here")
        waited = 0.0

        def timed_metadata(file: File) -> bytes | None:
            nonlocal waited
            asked = time.perf_counter()
            try:
                return metadata(file) if metadata is not None else None
            finally:
                waited += time.perf_counter() - asked

        begun = time.perf_counter()
        self._apply(each, timed_metadata)
        self.seconds[each.name] = max(0.0, time.perf_counter() - begun - waited)

    def _apply(self, each: _ActiveFilter, metadata: Callable[[File], bytes | None]) -> None:
        name, component, is_timed, reads_metadata, is_for_safety = each
        # What the filter does not apply to.
        exempt = frozenset[str]() if component.applies_to_pins else self._pinned
        if is_for_safety:
            exempt -= self._required
        names = {file.filename for file in self.files} - (self._pinned_only & exempt)
        judged = self._with_files(component, names)
        before = self._with_files(component, names | self._others) if is_for_safety and self._others else judged
        if IUploadTimeFilter.providedBy(component):
            self.untimed += component.untimed(judged)
        selected = component.select(before, metadata) if reads_metadata else component.select(before)
        kept = results.checked_filenames(component, before, selected)
        self._pinned_only |= {file.filename for file in before.files} & exempt - kept
        kept |= self._pinned_only & exempt
        why = partial(component.why, before) if IExplainedFilter.providedBy(component) else lambda file: component.reason
        urgent = IUrgentFilter.providedBy(component)
        self.left_out += [LeftOut(file, why(file), name, urgent) for file in self.files if file.filename not in kept]
        self.files = tuple(file for file in self.files if file.filename in kept)
        if is_timed:
            moments = (self.due, results.checked_next_change(component, judged))
            self.due = min((moment for moment in moments if moment is not None), default=None)

    def _with_files(self, component: Any, names: Collection[str]) -> Project:
        files = tuple(file for file in self._project.files if file.filename in names)
        return results.as_read_only(component, self._project._replace(files=files))


class Selection:
    """The selection of one mirror: uses neither network nor storage, and is thread-safe.

    A project is selected if it is pinned or all name filters accept it; filters with ``applies_to_pins`` apply to pinned ones
    too.
    Of a project that is only pinned the pinned releases are selected; of others the releases that the filters leave, and the
    pinned ones. Releases that others require count as pinned, except for the filters for safety (ISafetyFilter).
    """

    def __init__(self, names: Iterable[INameFilter], filters: Mapping[str, IFilter],
                 pins: Mapping[str, frozenset[str]] = _NO_PINS, own: Iterable[str] = (), hashes: Hashes = _NO_HASHES,
                 required: Mapping[str, frozenset[str]] = _NO_PINS, arbitrary: ArbitraryEquality = frozenset()):
        """names: all name filters. filters: by name, in order. pins: versions by normalised name.

        own: normalised names of the site's own projects, which are always selected.
        hashes: ``algorithm:hexdigest`` of the files that a pin allows, by name and version.
        required: of the pins, the versions that others require and no pin file names. arbitrary: pins by ``===``.
        """
        active = [name for name in names if name.active]
        self._asked = tuple(name for name in active if not name.applies_to_pins)
        self._strict = tuple(name for name in active if name.applies_to_pins)
        self._allowed = tuple(map(results.checked_name_filter, self._strict))
        self._asks = tuple(map(results.checked_name_filter, self._asked))
        self._filters = tuple(_ActiveFilter(name, each, ITimedFilter.providedBy(each), IMetadataFilter.providedBy(each),
                                            ISafetyFilter.providedBy(each))
                              for name, each in filters.items() if each.active)
        self._pins = pins
        self._hashes = hashes
        self._arbitrary = arbitrary
        self._required = required
        self._own = frozenset(own)
        #: The normalised names that can be selected, or None if the filters need upstream's list of all names.
        self.exact = self._exact(active)
        #: The selected names that the configuration spells out, as written, by normalised name.
        self.named: Mapping[str, str] = {
            name: text for each in self._asked if IExactNames.providedBy(each) for name, text in each.named.items()
            if self.wanted(name)}

    def check(self) -> None:
        """Raise ConfigurationError if no project can be selected."""
        if self.exact is not None and not self.exact:
            raise ConfigurationError("no project is selected: package_matches names no project that package_excludes leaves, "
                                     "local_packages holds none, and there are no pins; select everything with "
                                     "package_matches = *")

    def wanted(self, name: str) -> bool:
        """Whether the project of this normalised name is selected; True if a name filter fails on it.

        Such a project stays as it is: the steps that work on it call ``decide``, and fail for this project alone.
        """
        try:
            return self.decide(name)
        except KeyboardInterrupt:
            raise
        except BaseException:
            return True

    def decide(self, name: str) -> bool:
        """Return whether the project of this normalised name is selected. Exceptions of name filters are passed on."""
        # Called for every name of upstream's list, hence no generators.
        if name not in self._pins and not self.matched(name):
            return False
        for allows in self._allowed:  # noqa: SIM110
            if not allows(name):
                return False
        return True

    def refusing(self, name: str) -> INameFilter | None:
        """Return the first name filter that excludes a project which is not selected."""
        for component, accepts in zip((*self._strict, *self._asked), (*self._allowed, *self._asks), strict=True):
            if not accepts(name):
                return component
        return None

    def among_many(self) -> Wanted:
        """Return the selected names in the form that long lists are searched by."""
        written = next((each.written for each in self._asked if IWrittenNames.providedBy(each) and each.written), None)
        named = self._pins.keys() | self._own
        if written is None or len(named) > MOST_WRITTEN:
            return Wanted(self.wanted, None)
        return Wanted(self.wanted, "|".join((written, *map(any_spelling, sorted(named)))))

    def matched(self, name: str) -> bool:
        """Whether the project is selected by its name, and not by pins alone."""
        if name in self._own:
            return True
        for asks in self._asks:  # noqa: SIM110
            if not asks(name):
                return False
        return True

    def pinned(self, name: str) -> PinnedReleases:
        """Return the pinned releases of a project."""
        return pinned_of(name, self._pins.get(name, ()), self._hashes, self._arbitrary)

    def allowed(self, name: str) -> bool:
        """Whether no filter with ``applies_to_pins`` excludes the project."""
        return all(allows(name) for allows in self._allowed)

    def requirable(self, project: Project) -> Selected:
        """Return the files of a project that requirements may select; of those left out only the ones held back for safety.

        The filters on files apply, and those for safety, but for pinned releases. None of them gets core metadata.
        """
        found = _Filtering(project, self._files_of(project, self._firm(project.name)))
        for each in self._filters:
            if each.component.applies_to_pins or each.is_for_safety:
                found.apply(each, lambda file: None)
        held = {each.name for each in self._filters if each.is_for_safety}
        return Selected(found.files, tuple(one for one in found.left_out if one.filter in held), found.due)

    def select(self, project: Project, metadata: Callable[[File], bytes | None] | None = None) -> Selected:
        """Run the filters over the files of a project.

        metadata: for filters that read core metadata, see IMetadataFilter. Exceptions that it raises are passed on.
        Raises ConfigurationError if such a filter is active and ``metadata`` is None.
        """
        if not self.decide(project.name):
            return Selected((), tuple(LeftOut(file, "its project is not selected") for file in project.files))
        matched = self.matched(project.name)
        pinned = self._files_of(project, self._pins.get(project.name, frozenset()))
        required = pinned - self._files_of(project, self._firm(project.name))
        found = _Filtering(project, pinned, required)
        if not matched:
            found.keep_pinned(lambda file: self._why(file, project.name))
        for each in self._filters:
            if each.component.applies_to_pins or matched or (each.is_for_safety and required):
                found.apply(each, metadata)
        return Selected(found.files, tuple(found.left_out), found.due,
                        self._unmet(project, found.files, found.left_out), found.untimed, tuple(found.seconds.items()))

    def _firm(self, name: str) -> frozenset[str]:
        """Return the versions of a project that pin files name, or named until recently."""
        return self._pins.get(name, frozenset()) - self._required.get(name, frozenset())

    def _files_of(self, project: Project, versions: frozenset[str]) -> frozenset[str]:
        """Return the names of the files of pinned versions, including files whose hash is not known yet."""
        if not versions:
            return frozenset()
        pinned = pinned_of(project.name, versions, self._hashes, self._arbitrary)
        return frozenset(file.filename for file in project.files if _allows(pinned, file, project.name) is not False)

    def _why(self, file: File, name: str) -> str:
        return OTHER_HASH if self.pinned(name).matching(parse(file.filename, name).version) else "not pinned"

    def _unmet(self, project: Project, files: Iterable[File], left_out: Collection[LeftOut]) -> tuple[Unmet, ...]:
        name = project.name
        versions = self._pins.get(name)
        if not versions:
            return ()
        pinned = self.pinned(name)
        met: set[str] = set()
        reasons: dict[str, dict[str, None]] = {}
        for file in files:
            allows = _allows(pinned, file, name) is not False
            for version in pinned.matching(parse(file.filename, name).version):
                if allows:
                    met.add(version)
                else:
                    reasons.setdefault(version, {})[OTHER_HASH] = None
        for one in left_out:
            for version in pinned.matching(parse(one.file.filename, name).version):
                reasons.setdefault(version, {})[one.reason] = None
        return tuple(Unmet(version, tuple(reasons.get(version, ())), self._until(project, version, left_out))
                     for version in sorted(versions) if version not in met)

    def _until(self, project: Project, version: str, left_out: Iterable[LeftOut]) -> float | None:
        """Return when a timed filter lets in the first file of a version, or None."""
        timed = {each.name: each.component for each in self._filters if each.is_timed}
        matching = self.pinned(project.name).matching
        moments = (results.checked_next_change(timed[one.filter], results.as_read_only(
            timed[one.filter], project._replace(files=(one.file,)))) for one in left_out
            if one.filter in timed and version in matching(parse(one.file.filename, project.name).version))
        return min((moment for moment in moments if moment is not None), default=None)

    def _exact(self, active: Iterable[INameFilter]) -> frozenset[str] | None:
        sets = [frozenset(map(normalize, each.exact)) for each in active if each.exact is not None and not each.applies_to_pins]
        if not sets:
            return None
        return frozenset(name for name in frozenset.intersection(*sets) | self._pins.keys() | self._own if self.wanted(name))


def _allows(pinned: PinnedReleases, file: File, name: str) -> bool | None:
    return pinned.allows(parse(file.filename, name).version, file.content_hashes)
