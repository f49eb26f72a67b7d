"""The pins of one run: reads them, retains former ones for a while, and resolves their requirements."""

from __future__ import annotations

import datetime
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import FetchError, MirrorError, StorageError
from ..events import Notice, Problem
from ..filters.globs import name_globs
from ..http.page import read
from ..http.retry import check
from ..http.urls import strip_credentials
from ..interfaces import IRunContext
from ..metadata.filenames import parse, release
from ..model import NOTHING, File, Head, RequiredReleases
from ..names import PINS
from ..pins.environments import Environment, configured_environments
from ..pins.extends_cache import write_extends_cache
from ..pins.extends_chain import MAX_BYTES
from ..pins.model import Pins, Release
from ..pins.pin_files import PinFile, form_names, read_pin_files, reader
from ..pins.resolution import Resolution, RootFile
from ..pins.resolver import resolve
from ..pins.retention import retained
from ..state import records
from ..state.database import State
from ..state.meta_keys import FOLLOW_AT, FOLLOW_DUE, PIN_FILES, RETAINED
from ..tracebacks import log_error
from ..zcml.error_context import describe
from . import clock, published_pins
from .catalogue import PlannedCatalogue, StateCatalogue
from .published_pins import PublishedPinFiles

#: Names of facts in the state.
LAST_PINNED, NEEDED = "last_pinned", "needed"
#: Set if something that is needed was not found.
HOLES = "needed_holes"


class Pinning:
    """Determines which releases are needed in addition to those that the filters select."""

    def __init__(self, mirror: IRunContext, state: State, notify: Callable[[Any], None], dry: bool = False):
        """dry: whether nothing may be written but to the state."""
        self._mirror, self._state, self._notify = mirror, state, notify
        self._settings = mirror.settings
        self._dry = dry
        self._pins = Pins()
        #: The pin files that are published; None if they were not read.
        self._files: tuple[PinFile, ...] | None = None
        self._retained: Mapping[str, frozenset[str]] = {}
        #: Messages about failures; the next run tries again.
        self.problems: list[str] = []
        #: Problems and notes of the last resolution.
        self._unresolved: tuple[str, ...] = ()

    def read(self) -> None:
        """Read the pin files, store them in the mirror, and set the pinned releases.

        If that fails as a whole, the pins of the last run are used.
        """
        try:
            self._read()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail_or_raise("pins can't be read, those of the last run count", error)
            self.remember()

    def _read(self) -> None:
        reading = read_pin_files(self._settings["versions"], self._settings["requirements"], self._environments(),
                                 reader(self._fetched), PublishedPinFiles(self._mirror, self._state, self._dry))
        self._pins = reading.pins
        for problem in reading.pins.problems:
            self._fail(problem)
        for note in reading.pins.notes:
            self._notify(Notice(note))
        if not self._dry:
            self._publish(reading.files)
        today = clock.today(self._state)
        remembered = self._state.fact(LAST_PINNED)
        last = _releases(json.loads(remembered)) if remembered is not None else self._mirrored_releases(today)
        if clock.jump(self._state) is None:
            # Days in the future are from a wrong clock: the present clock was not set back.
            last = {pinned: min(day, today.isoformat()) for pinned, day in last.items()}
        self._retain(last)
        self._tell(self._followed())

    def _retain(self, last: Mapping[Release, str]) -> None:
        """Keep the releases that pins moved away from, as long as they are to stay. last: the days they were last pinned on."""
        kept = retained(last, self._pins, clock.today(self._state), self._settings["retain_days"], self._is_incomplete)
        self._state.set_fact(LAST_PINNED, json.dumps(_days(kept.last_pinned)))
        days = {release: kept.last_pinned[release] for release in kept.releases}
        self._state.set_fact(RETAINED, json.dumps(_days(days)) if days else None)
        self._retained = _by_name(kept.releases)

    def _is_incomplete(self, name: str) -> bool:
        """Return whether a pinned release of a project is not in the mirror."""
        record = self._state.record(name)
        files = records.decode(record).files if record is not None else ()
        here = [version for file in files if file.stored is not None and (version := parse(file.filename, name).version)]
        each = (self._pins._replace(versions={name: frozenset({pinned})}) for pinned in self._pins.versions[name])
        return not all(any(pin.holds(name, version) for version in here) for pin in each)

    def _mirrored_releases(self, today: datetime.date) -> dict[Release, str]:
        """Return the mirrored releases of pinned projects; if the state was lost they count as pinned until today."""
        found = {}
        for name in self._pins.versions:
            record = self._state.record(name)
            files = records.decode(record).files if record is not None else ()
            for file in files:
                version = parse(file.filename, name).version if file.stored is not None and file.listed else None
                if version is not None:
                    found[name, version] = today.isoformat()
        return found

    def remember(self) -> None:
        """Set the releases that the last run needed, without a request."""
        self._retained = _by_name(_releases(json.loads(self._state.fact(LAST_PINNED) or "{}")))
        self._tell(self._followed())

    def _followed(self) -> Mapping[str, frozenset[str]]:
        return _by_name(_pairs(json.loads(self._state.fact(NEEDED) or "{}")))

    def follow(self, changed: bool, planned: Mapping[str, tuple[File, ...]] = NOTHING) -> frozenset[str]:
        """Resolve the run-time and build requirements of the selected releases, as far as the state has their metadata.

        changed: whether the result can differ from the last run's although no page was read since then.
        planned: by project, the files that count in place of the published ones.
        Returns the names of projects whose required releases have changed; an empty set if the resolution fails.
        """
        try:
            return self._follow(changed, planned)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail_or_raise("requirements can't be followed, those of the last run count", error)
            return frozenset()

    def _follow(self, changed: bool, planned: Mapping[str, tuple[File, ...]]) -> frozenset[str]:
        before = self._mirror.needs
        self._retain(_releases(json.loads(self._state.fact(LAST_PINNED) or "{}")))
        self._tell(before.followed)
        if changed or any(self._state.fact(name) is not None for name in (FOLLOW_DUE, HOLES)) or self._is_time():
            self._resolve(planned)
            self._state.set_fact(FOLLOW_DUE, None)
        after = self._mirror.needs
        return frozenset(name for old, new in ((before.followed, after.followed), (before.retained, after.retained))
                         for name in {*old, *new} if old.get(name) != new.get(name))

    def _is_time(self) -> bool:
        """Return whether a release that was held back at the last resolution is let in by now."""
        moment = self._state.fact(FOLLOW_AT)
        return moment is not None and float(moment) <= time.time()

    def _resolve(self, planned: Mapping[str, tuple[File, ...]]) -> None:
        """Find the releases that requirements need, and record them for this run and the next ones."""
        found, due = self._find_required(planned)
        self._report(found)
        # Every run looks for releases that are not found yet.
        self._state.set_fact(HOLES, "1" if found.problems or found.held else None)
        # Nor does anything else notice that a release of a project that is only required is old enough.
        self._state.set_fact(FOLLOW_AT, None if due is None else str(due))
        self._state.set_fact(NEEDED, json.dumps({name: sorted(versions) for name, versions in found.releases.items()}))
        self._tell(found.releases)

    def _find_required(self, planned: Mapping[str, tuple[File, ...]]) -> tuple[Resolution, float | None]:
        """Return the releases that requirements need, and when the next of those that are held back is let in."""
        if not (self._settings["dependencies"] or (self._settings["build_requirements"] and self._pins.versions)):
            return Resolution({}, {}, (), ()), None
        kind = PlannedCatalogue if self._dry else StateCatalogue
        catalogue = kind(self._mirror, self._state, self._settings["build_requirements"], self._notify)
        # Pins constrain run-time requirements; a build uses the newest release that matches, regardless of pins.
        pinned = self._pins if self._settings["dependencies"] else None
        # Namespace packages of old need pkg_resources, which setuptools 82 and later have no more.
        companions = {} if "setuptools" in self._pins.versions or not self._pins.versions else {"setuptools": "<82"}
        found = resolve(self._roots(catalogue, planned), self._environments(), catalogue, pinned, companions,
                        name_globs(self._settings, "ignore_build_problems").match, held=catalogue.held)
        return found, catalogue.due

    def _report(self, found: Resolution) -> None:
        """Notify the observers of problems and notes; those of an earlier resolution in this run count no longer."""
        before, self._unresolved = self._unresolved, found.problems + found.notes
        self.problems = [problem for problem in self.problems if problem not in before] + list(found.problems)
        for text in self._unresolved:
            if text not in before:
                self._notify(Problem("", text) if text in found.problems else Notice(text))

    def _roots(self, catalogue: StateCatalogue, planned: Mapping[str, tuple[File, ...]]) -> Iterable[RootFile]:
        """Yield the files whose requirements are followed first: the published ones, or those that are planned."""
        for name in sorted({*planned, *(entry.name for entry in self._state.entries())}):
            if self._is_root(name):
                files = planned[name] if name in planned else records.decode(self._state.record(name) or b"").published().files
                catalogue.own(name, files)
                yield from self._roots_of(name, files)

    def _is_root(self, name: str) -> bool:
        if self._pins.versions.get(name):
            return True
        # Projects that are required alone are reached by the resolution.
        is_required_only = name in self._mirror.needs.followed and not self._mirror.selection.matched(name)
        return bool(self._settings["dependencies"]) and not is_required_only

    def _roots_of(self, name: str, files: Iterable[File]) -> Iterable[RootFile]:
        extras = self._pins.extras.get(name, frozenset())
        parsed = [(file, parse(file.filename, name)) for file in files]
        wheels = {release(one.version) for _, one in parsed if one.kind == "wheel" and one.python and one.version}
        for file, one in parsed:
            has_wheel = one.version is not None and release(one.version) in wheels
            yield RootFile(name, file, extras, self._settings["dependencies"], has_wheel)

    def _tell(self, followed: Mapping[str, frozenset[str]]) -> None:
        self._mirror.need(RequiredReleases(self._pins.versions, self._pins.hashes, self._retained, followed,
                                            self._pins.arbitrary))

    def _environments(self) -> tuple[Environment, ...]:
        return configured_environments(self._settings)

    def _fetched(self, url: str) -> bytes:
        def attempt() -> tuple[Head, bytes]:
            head, body = read(self._mirror.fetcher, url, {}, MAX_BYTES + 1)
            check(head, url)
            return head, body

        try:
            return self._mirror.attempts(attempt)[1]
        except (MirrorError, KeyboardInterrupt):
            raise
        except BaseException as error:
            log_error(f"{strip_credentials(url)} can't be read", error)
            raise FetchError(strip_credentials(url), describe(error, self._mirror.registry)) from error

    def _publish(self, files: tuple[PinFile, ...]) -> None:
        """Store the flattened pin files in the mirror, for clients to extend from, and their sources in extends-cache."""
        before = set((self._state.fact(PIN_FILES) or "").split())
        names = {file.name for file in files}
        self._files = files
        forms = {form for name in names for form in form_names(name).values()}  # the end of the run writes them
        for name in sorted(before - names - forms):
            self._mirror.storage.remove(f"{PINS}/{name}")
        self._state.set_fact(PIN_FILES, " ".join(sorted(names)))
        if self._settings["extends_cache"]:
            for file in files:
                try:
                    write_extends_cache(self._settings["extends_cache"], file.documents)
                except StorageError as error:
                    self._fail(str(error))

    def finish(self) -> None:
        """Write the other forms of the pin files, and their index page, from what is published."""
        if self._files is None or self._dry:
            return
        try:
            for problem in published_pins.write_forms(self._mirror, self._state, self._files, self._environments()):
                self._fail(problem)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail_or_raise("the forms of the pin files can't be written", error)

    def _fail_or_raise(self, what: str, error: BaseException) -> None:
        """Report an unexpected exception; re-raise one that concerns the whole run."""
        if isinstance(error, MirrorError | sqlite3.Error):
            raise error
        log_error(what, error)
        self._fail(f"{what}: {describe(error, self._mirror.registry)}")

    def _fail(self, problem: str) -> None:
        self.problems.append(problem)
        self._notify(Problem("", problem))


def last_pins(state: State) -> dict[str, frozenset[str]]:
    """Return the versions that the pins named in the last run, by normalised name; without those that are retained."""
    pinned, kept = (_releases(json.loads(state.fact(name) or "{}")) for name in (LAST_PINNED, RETAINED))
    return _by_name(pinned.keys() - kept.keys())


def _by_name(releases: Iterable[Release]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, version in releases:
        found.setdefault(name, set()).add(version)
    return {name: frozenset(versions) for name, versions in found.items()}


def _pairs(value: Mapping[str, list[str]]) -> Iterable[Release]:
    return ((name, version) for name, versions in value.items() for version in versions)


def _releases(value: Mapping[str, Mapping[str, str]]) -> dict[Release, str]:
    return {(name, version): day for name, versions in value.items() for version, day in versions.items()}


def _days(last: Mapping[Release, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for (name, version), day in sorted(last.items()):
        found.setdefault(name, {})[version] = day
    return found
