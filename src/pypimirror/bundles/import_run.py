"""Imports a bundle: checks it, keeps its new files aside, then publishes files, pages, pages about all projects, removals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from ..events import Notice, Problem
from ..interfaces import IRunContext
from ..names import BUNDLE_ADVISORIES, PINS, project_name
from ..pins.pin_forms import is_lock, move_lock
from ..selected import Selected
from ..settings.values import fingerprint
from ..state import records
from ..state.database import BEGUN, DUE, Row, State
from ..state.meta_keys import PAGES_SETTINGS, PIN_FILES, ROOT_DUE, SERIAL
from ..storage.atomic import replace
from ..sync import brake
from ..sync.packed_selection import pack
from ..sync.publish import PublishTask, publish
from ..sync.root_pages import begin_anew, sections_due
from ..sync.run import Run
from . import followed, shipped
from .advisories import IncomingAdvisories
from .export_plan import page_settings
from .incoming import Incoming
from .listing import Receipt
from .manifest import Manifest
from .model import ADVISORIES, BundleHeader, ProjectLine, RemovedProject
from .place import PlaceResult, PlaceTask, place
from .staging import Staging
from .verification import differing_paths

#: Projects that are marked and published together.
_BATCH = 500
#: Settings that are a site's own: pages differ because of them, and that is no fault.
_OWN_KEYS = frozenset({"base_url"})


class BundleImportResult(NamedTuple):
    """A finished import."""

    header: BundleHeader
    #: Paths that are missing or damaged after all, and projects that failed.
    lacking: tuple[str, ...]
    failed: tuple[str, ...]
    #: Whether its advisories could not be installed.
    lacks_advisories: bool = False

    def receipt(self) -> Receipt:
        """Return what the next export has to know."""
        lacking = (*self.lacking, ADVISORIES) if self.lacks_advisories else self.lacking
        return Receipt(self.header.mirror, self.header.end, self.header.bundle, lacking)


class Import:
    """One import."""

    def __init__(self, mirror: IRunContext, state: State, run: Run, notify: Callable[[Any], None], allow_deletions: bool):
        self._mirror, self._state, self._run, self._notify = mirror, state, run, notify
        self._allow_deletions = allow_deletions
        self._failed: list[str] = []

    def publish(self, folder: str, manifest: Manifest) -> BundleImportResult:
        """Import a bundle that was checked, or the rest of it after an interruption."""
        header = manifest.header
        incoming = Incoming(self._mirror.storage, header.bundle)
        incoming.clear_others()
        with closing(IncomingAdvisories(self._mirror.settings["state_path"], header, self._allow_deletions)) as advisories:
            staging = Staging(self._mirror, self._state, manifest, folder, incoming, advisories)
            removals = staging.run()
            self._install_advisories(advisories, header)
        gone = list(self._projects_to_remove(manifest))
        self._hold_if_too_many(gone, removals)
        followed.begin(self._state, header)
        if staging.has_other_roots:
            self._state.set_fact(ROOT_DUE, "1")
        self._state.commit()
        publisher = self._run.publisher
        publisher.serial, publisher.is_whole = header.serial, True
        if self._state.fact(SERIAL) != str(header.serial):
            # The pages about all projects have the serial, though no project may have changed, as after sync -i.
            self._state.set_fact(ROOT_DUE, "1")
        waiting = self._place_projects(manifest, incoming, lambda name: True)
        if self._state.fact(PAGES_SETTINGS) not in (None, fingerprint(self._mirror.settings, "pages")):
            self._rewrite_pages()
        self._place_pins(header, incoming)
        if self._run.held is None:
            self._remove_projects(gone, header.serial)
        publisher.finish()
        if waiting:
            self._place_projects(manifest, incoming, waiting.__contains__)
            publisher.finish()
        self._notify_settings(header)
        held = self._run.held is not None
        lacking = () if held else tuple(differing_paths(self._mirror, self._state, manifest, self._failed, self._notify))
        if self._run.held is None and not self._failed:
            self._record_finished(header, incoming)
        return BundleImportResult(header, lacking, tuple(self._failed), bool(self._run.failures.advisories))

    def _install_advisories(self, advisories: IncomingAdvisories, header: BundleHeader) -> None:
        """Install the advisories of the bundle, and report those that are left out."""
        if not header.advisories:
            return
        if (note := advisories.install()) is not None:
            self._notify(Notice(note))
        if advisories.problem is not None:
            self._run.failures.advisories.append(advisories.problem)
            self._notify(Problem("", advisories.problem))
        elif BUNDLE_ADVISORIES not in self._mirror.settings["advisories"]:
            self._notify(Notice("the bundle has advisories; audit, serve and filters use them with advisories = bundle"))

    def _record_finished(self, header: BundleHeader, incoming: Incoming) -> None:
        """Record that the import is finished, and remove its staged files."""
        self._state.begin()
        followed.finish(self._state, header)
        self._state.set_fact(PAGES_SETTINGS, fingerprint(self._mirror.settings, "pages"))
        self._state.commit()
        incoming.clear()

    # --- removals

    def _projects_to_remove(self, manifest: Manifest) -> Iterator[str]:
        """Yield the projects of this mirror that the bundle removes, in order."""
        if not manifest.header.is_complete:
            for line in manifest:
                if isinstance(line, RemovedProject) and self._state.row(line.name) is not None:
                    yield line.name
            return
        present = (line.name for line in manifest if isinstance(line, ProjectLine))
        name = next(present, None)
        for known in self._state.known():
            while name is not None and name < known.name:
                name = next(present, None)
            if name != known.name:
                yield known.name

    def _hold_if_too_many(self, gone: list[str], removals: brake.Removals) -> None:
        """Hold removals back if they are too many."""
        if self._allow_deletions:
            return
        rows = [row for name in gone if (row := self._state.row(name)) is not None and row.serial]
        whole = brake.Removals(len(rows), removals.files + sum(row.files for row in rows))
        self._run.held = brake.held_bundle(whole, self._state.totals(), self._mirror.settings["max_deletions"])
        if self._run.held is not None:
            self._notify(Notice(self._run.held))

    def _remove_projects(self, gone: list[str], serial: int) -> None:
        """Take projects off the index; the sweep moves their files to the trash."""
        for begin in range(0, len(gone), _BATCH):
            some = gone[begin:begin + _BATCH]
            self._state.mark(some, BEGUN)
            self._state.set_fact(ROOT_DUE, "1")
            self._state.commit()
            for result in self._run.results(publish, self._removal_tasks(some, serial), failed=self._record_failure):
                self._run.recorder.published(result)
            self._state.commit()

    def _removal_tasks(self, names: list[str], serial: int) -> Iterator[PublishTask]:
        for name in names:
            row, record = self._state.row(name), self._state.record(name)
            if row is not None and record is not None:
                yield PublishTask(name, record, row.serial, serial, selected=False, offline=True)

    # --- projects

    def _place_projects(self, manifest: Manifest, incoming: Incoming, is_wanted: Callable[[str], bool]) -> set[str]:
        """Publish projects of the bundle; return the names of those with a file that waits for the sweep."""
        waiting: set[str] = set()
        batch: list[PlaceTask] = []
        for line in manifest:
            if isinstance(line, ProjectLine) and is_wanted(line.name) and (
                    task := self._begin_project(line, incoming, manifest.header.bundle)) is not None:
                batch.append(task)
                if len(batch) == _BATCH:
                    waiting |= self._place_batch(batch)
                    batch = []
        return waiting | self._place_batch(batch)

    def _begin_project(self, line: ProjectLine, incoming: Incoming, bundle: str) -> PlaceTask | None:
        """Mark a project, and return its task; None if it is already as in the bundle."""
        row, record = self._state.row(line.name), self._state.record(line.name)
        if row is not None and record is not None and row.serial == line.serial and not row.pending & (DUE | BEGUN) and (
                not incoming.has_files(line.name) and shipped.dump(records.decode(record)) == incoming.record(line.name)):
            return None
        display = line.display if project_name(line.display) == line.name else line.name
        begun = row or Row(line.name, display, None, None, BEGUN, 0, 0, 0, 0)
        self._state.begin()
        self._state.save(begun._replace(display=display, list_serial=None, page_serial=None, pending=begun.pending | BEGUN,
                                        error=None, unmet=None),
                         None if record else records.encode(shipped.unknown_project(line.name)))
        return PlaceTask(line.name, record, begun.serial, line.serial, bundle, self._run.held is not None)

    def _place_batch(self, batch: list[PlaceTask]) -> set[str]:
        """Publish some projects; return the names of those with a file that waits for the sweep."""
        if not batch:
            return set()
        self._state.set_fact(ROOT_DUE, "1")
        self._state.commit()
        sections = sections_due(self._mirror, self._state)
        waiting = set()
        tasks = (task._replace(sections=sections) for task in batch)
        for result in self._run.results(place, tasks, failed=self._record_failure):
            if isinstance(result, PlaceResult):
                self._run.recorder.published(result.published, self._run.held is not None)
                if result.waits:
                    waiting.add(result.name)
                elif result.missing or result.published.error:
                    self._failed.append(result.name)
                    self._notify(Problem(result.name, result.published.error or f"{result.missing[0]}: missing"))
        self._state.commit()
        return waiting

    def _record_failure(self, failure: Any) -> None:
        self._failed.append(failure.project)
        self._run.recorder.failed(failure)

    def _rewrite_pages(self) -> None:
        """Write the pages of all projects again, since a setting of pages has changed since the last import."""
        begin_anew(self._state)
        names = [known.name for known in self._state.known()]
        for begin in range(0, len(names), _BATCH):
            self._state.mark(names[begin:begin + _BATCH], BEGUN)
            self._state.commit()
            sections = sections_due(self._mirror, self._state)
            tasks = self._rewrite_tasks(names[begin:begin + _BATCH], sections)
            for result in self._run.results(publish, tasks, failed=self._record_failure):
                self._run.recorder.published(result, self._run.held is not None)
            self._state.commit()

    def _rewrite_tasks(self, names: list[str], sections: tuple[str, ...]) -> Iterator[PublishTask]:
        for name in names:
            row, record = self._state.row(name), self._state.record(name)
            if row is not None and record is not None and row.serial:
                project = records.decode(record)
                selection = pack(Selected(project.published().files), project)
                yield PublishTask(name, record, 0, row.serial, offline=True, sections=sections, selection=selection)

    def _place_pins(self, header: BundleHeader, incoming: Incoming) -> None:
        """Write the pin files of the bundle, and delete those that it no longer has."""
        old = (self._state.fact(PIN_FILES) or "").split()
        self._mirror.storage.flush()
        for name in header.pins:
            path = f"{PINS}/{name}"
            if is_lock(name):
                self._place_lock(path, incoming)
            elif incoming.has(path):
                incoming.place(path)
        if self._run.held is None:
            for name in old:
                if name not in header.pins:
                    self._mirror.storage.remove(f"{PINS}/{name}")
        self._state.set_fact(PIN_FILES, " ".join(header.pins) or None)

    def _place_lock(self, path: str, incoming: Incoming) -> None:
        """Write a lock file with the links of this mirror, whose ``base_url`` may have changed since it was written."""
        present = self._mirror.storage.read(path)
        content = incoming.read(path) or present
        if content is None:
            return
        text = move_lock(content.decode("utf-8", "surrogateescape"), self._mirror.settings["base_url"])
        moved = text.encode("utf-8", "surrogateescape")
        if moved != present:
            replace(self._mirror.storage, {path: (moved,)})

    def _notify_settings(self, header: BundleHeader) -> None:
        """Notify of settings of pages that differ from those of the exported mirror."""
        here, there = dict(page_settings(self._mirror.settings)), dict(header.pages)
        other = [key for key in sorted({*here, *there} - _OWN_KEYS) if here.get(key) != there.get(key)]
        if other:
            self._notify(Notice(f"the pages differ from those of the exported mirror, which has "
                                f"{', '.join(f'{key} = {there.get(key)}' for key in other)}"))
