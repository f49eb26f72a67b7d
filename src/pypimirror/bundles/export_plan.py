"""First step of an export: decides what the bundle contains, and writes the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ..advisories.policy import mark_vulnerable
from ..errors import MirrorError
from ..interfaces import IRunContext, ISettings
from ..names import distribution
from ..state.database import State
from ..state.meta_keys import SERIAL
from . import shipped, tar_parts
from .contents import decode_project, pin_files
from .journal import COMMON, Journal, PathEntry
from .listing import Listing
from .manifest import dump, dump_header, is_path
from .model import (
    ADVISORIES,
    DELTA,
    FULL,
    RECORDS,
    BundleHeader,
    BundleMember,
    End,
    Line,
    PartLine,
    ProjectLine,
    RemovedPath,
    RemovedProject,
    advisory_id,
    advisory_path,
)

#: Settings that decide on the content of pages and that differ between sites or not; without plugins'.
PAGE_KEYS = ("base_url", "create_indexes", "index_formats", "legacy_names")


class Scope(NamedTuple):
    """What a bundle is to contain."""

    kind: str = FULL
    #: The mark of a delta, and its serial.
    base: str | None = None
    since: int = 0
    #: What the other side has, or lacks; None without a listing.
    listing: Listing | None = None
    tree: bool = False
    #: Bytes of a part.
    split: int = 0


def page_settings(settings: ISettings) -> tuple[tuple[str, str], ...]:
    """Return the settings that decide on the content of pages, as texts."""
    found = {key: str(settings[key]) for key in PAGE_KEYS}
    # Without the key, the page of all files has a limit.
    default = " (default)" if settings.origin("index_formats") == "default" else ""
    found["index_formats"] = " ".join(settings["index_formats"]) + default
    if "legacy-json" in settings["index_formats"]:
        found["advisories"] = str(bool(settings["advisories"]))  # then it has vulnerabilities
    plugged = settings.plugged("pages")
    return (*found.items(), *([("plugins", str(plugged))] if plugged else []))


def header(mirror: IRunContext, state: State, journal: Journal, scope: Scope) -> BundleHeader:
    """Return the first line of the manifest."""
    last = journal.last()
    assert last is not None
    digest = scope.listing.digest if scope.listing is not None else ""
    made = BundleHeader("", journal.mirror, scope.kind, scope.base, last[1], int(state.fact(SERIAL) or 0), last[0], scope.tree,
                  tuple(sorted(page_settings(mirror.settings))), pin_files(state),
                  advisories="" if scope.tree else _advisories_kind(mirror, journal, scope))
    identity = json.dumps([made, scope.split, digest])
    return made._replace(bundle=hashlib.sha256(identity.encode()).hexdigest()[:32])


def _advisories_kind(mirror: IRunContext, journal: Journal, scope: Scope) -> str:
    """Return ``BundleHeader.advisories``."""
    if not mirror.settings["advisories"] or not mirror.advisories.were_read:
        return ""
    lacks = scope.listing is not None and scope.listing.lacks(ADVISORIES)
    return DELTA if scope.kind == DELTA and not lacks and journal.had_advisories(scope.since) else FULL


def content_of(mirror: IRunContext, state: State, path: str) -> bytes | None:
    """Return the content of a member that is not a file of the mirror; None for one that is. Raises MirrorError."""
    identifier = advisory_id(path)
    if identifier is not None:
        return _read_advisory(mirror, identifier)
    return record_of(mirror, state, path.removeprefix(RECORDS)) if path.startswith(RECORDS) else None


def _read_advisory(mirror: IRunContext, identifier: str) -> bytes:
    """Return the document of an advisory. Raises MirrorError."""
    body = mirror.advisories.body(identifier)
    if body is None:
        raise MirrorError(f"{identifier}: the advisory is no longer in the database; export to another directory")
    return body


def record_of(mirror: IRunContext, state: State, name: str) -> bytes:
    """Return the record of a project for a bundle, with the yank marks of its pages."""
    record = state.record(name)
    if record is None:
        raise MirrorError(f"{name}: its record is missing; run verify --repair before the export")
    return shipped.dump(mark_vulnerable(mirror.settings, decode_project(record, name)))


class ManifestWriter:
    """Writes a manifest, and divides its members into parts."""

    def __init__(self, stream: BinaryIO, head: BundleHeader, split: int):
        self._stream, self._header, self._split = stream, head, split
        self._part, self._size = 1, self._size_of_empty_part(1)
        self._filled = False
        self._counts = {"projects": 0, "members": 0, "bytes": 0, "removed": 0}
        stream.write(dump_header(head))

    def _size_of_empty_part(self, number: int) -> int:
        """Return the size of a part without members."""
        return tar_parts.part_size(self._header, number, ())

    def write(self, line: Line) -> None:
        """Write a line; begin a new part before a member that does not fit into the present one."""
        if isinstance(line, BundleMember):
            self._count_member(line)
        elif isinstance(line, ProjectLine):
            self._counts["projects"] += 1
        elif isinstance(line, RemovedPath | RemovedProject):
            self._counts["removed"] += 1
        self._stream.write(dump(line))

    def _count_member(self, member: BundleMember) -> None:
        """Count a member; begin a new part before it if it does not fit into the present one."""
        self._counts["members"] += 1
        self._counts["bytes"] += member.size
        size = 0 if self._header.tree else tar_parts.member_size(member, self._header.time)
        if self._filled and self._size + size >= self._split:
            self._end_part()
        self._size += size
        self._filled = True

    def _end_part(self) -> None:
        self._stream.write(dump(PartLine(self._part, self._size)))
        self._part += 1
        self._size = self._size_of_empty_part(self._part)
        self._filled = False

    def end(self) -> End:
        """Write the end of the last part and of the manifest."""
        if self._filled and not self._header.tree:
            self._end_part()
        end = End(self._counts["projects"], self._counts["members"], self._counts["bytes"], self._part - 1,
                  self._counts["removed"])
        self._stream.write(dump(end))
        return end


def lines(mirror: IRunContext, state: State, journal: Journal, scope: Scope, advisories: str) -> Iterator[Line]:
    """Yield the lines of a manifest but the last one: removals, advisories, projects with their members, pin files, pages about
    all.

    advisories: as ``BundleHeader.advisories``.
    """
    yield from _removal_lines(journal, scope)
    if advisories:
        yield from _advisory_lines(mirror, journal, scope.since if advisories == DELTA else 0)
    changed = journal.changed(scope.since if scope.kind == DELTA else 0)
    lacking = scope.listing.lacking_projects() if scope.listing is not None and scope.kind == DELTA else iter(())
    for name, paths in _merge_in_order(journal, changed, lacking):
        yield from _project_lines(mirror, state, scope, name, paths)
    for path, entry in sorted(journal.paths(COMMON).items()):
        if _is_carried(scope, path, entry):
            yield BundleMember(path, entry.size, entry.sha256)


def _removal_lines(journal: Journal, scope: Scope) -> Iterator[Line]:
    """Yield what the other side has and this mirror no longer has, as far as that is known."""
    if scope.kind == DELTA:
        for path, why in journal.removed(scope.since):
            yield RemovedPath(path, why)
        for name, why in journal.lost(scope.since):
            yield RemovedProject(name, why)
    elif scope.listing is not None:
        for path in scope.listing.others(journal):
            yield RemovedPath(path, "not in the mirror")


def _advisory_lines(mirror: IRunContext, journal: Journal, since: int) -> Iterator[Line]:
    """Yield the advisories that changed since a serial, and those that were removed."""
    for identifier, is_here in journal.changed_advisories(since):
        if not is_here:
            if since:
                yield RemovedPath(advisory_path(identifier), "no longer in the sources of advisories")
            continue
        body = _read_advisory(mirror, identifier)
        yield BundleMember(advisory_path(identifier), len(body), hashlib.sha256(body).hexdigest())


def _merge_in_order(journal: Journal, changed: Iterator[tuple[str, dict[str, PathEntry]]],
                    more: Iterator[str]) -> Iterator[tuple[str, dict[str, PathEntry]]]:
    """Yield changed projects, and unchanged ones by name, in order of names."""
    extra = next(more, None)
    for name, paths in changed:
        while extra is not None and extra < name:
            if found := journal.paths(extra):
                yield extra, found
            extra = next(more, None)
        if extra == name:
            extra = next(more, None)
        yield name, paths
    while extra is not None:
        if found := journal.paths(extra):
            yield extra, found
        extra = next(more, None)


def _project_lines(mirror: IRunContext, state: State, scope: Scope, name: str, paths: dict[str, PathEntry]) -> Iterator[Line]:
    """Yield the line of a project, its record, and those of its paths that the other side does not have."""
    row = state.row(name)
    if row is None:
        raise MirrorError(f"{name}: its row in the state is missing; run sync before the export")
    yield ProjectLine(name, row.serial, row.display)
    if not scope.tree:
        content = record_of(mirror, state, name)
        yield BundleMember(f"{RECORDS}{name}", len(content), hashlib.sha256(content).hexdigest())
    carried = {path for path, entry in paths.items() if _is_carried(scope, path, entry)}
    # Sidecars with their file: the other side removes both before it takes another file of the same name.
    carried |= {path for path in paths if distribution(path) in carried}
    # Files before pages: a part that is unpacked by hand adds no page before its files.
    for path in sorted(paths, key=lambda path: (_is_page(path, name), path)):
        if path in carried:
            if not is_path(path):
                raise MirrorError(f"{path}: not a path that a bundle can have")
            yield BundleMember(path, paths[path].size, paths[path].sha256)


def _is_page(path: str, name: str) -> bool:
    return not path.startswith(f"{name}/") or path.rpartition("/")[2].startswith(("index.", "browse."))


def _is_carried(scope: Scope, path: str, entry: PathEntry) -> bool:
    """Return whether the bundle has to carry a path: the other side does not have it."""
    if scope.kind == DELTA:
        return entry.since > scope.since or (scope.listing is not None and scope.listing.lacks(path))
    return scope.listing is None or not scope.listing.has(path, entry.sha256)
