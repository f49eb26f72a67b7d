"""Exports a mirror as a bundle: manifest first, then its parts, then the signature.

What is complete when an export is interrupted stays, and the next one with the same options continues.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from ..errors import ConfigurationError, InsufficientSpace, InvalidBundle, MirrorError
from ..events import Notice
from ..interfaces import IRunContext
from ..settings.units import in_bytes
from ..state.database import State
from . import export_plan, signature, tar_parts
from .contents import copy_file
from .directory import PARTIAL, BundleDirectory
from .export_plan import ManifestWriter, Scope
from .journal import Journal
from .journal_update import JournalUpdate, check_finished
from .listing import Listing
from .manifest import MANIFEST, SIGNATURE, Manifest
from .model import AGAINST, DELTA, BundleHeader, BundleMember, End, PartLine, part_name
from .plain_tree import PlainTree

#: The fact of the journal: the mark of the last finished export.
LAST_EXPORT = "last_export"
#: Number of marks that a message shows.
_SHOWN = 5


class ExportOptions(NamedTuple):
    """The options of the command line."""

    since: str | None = None
    full: bool = False
    listing: Listing | None = None
    split: int = 4 << 30
    key: str | None = None
    tree: bool = False


class ExportResult(NamedTuple):
    """A finished bundle."""

    header: BundleHeader
    end: End
    #: The number of parts that this run has written, and the bytes of all parts.
    written: int
    size: int


class Export:
    """One export."""

    def __init__(self, mirror: IRunContext, state: State, journal: Journal, directory: BundleDirectory,
                 notify: Callable[[Any], None]):
        self._mirror, self._state, self._journal = mirror, state, journal
        self._directory, self._notify = directory, notify

    def export(self, options: ExportOptions) -> ExportResult:
        """Write the bundle, or what is missing of it. Raises MirrorError."""
        check_finished(self._mirror, self._state)
        end_mark = JournalUpdate(self._mirror, self._state, self._journal).update()
        self._directory.create()
        if self._directory.has(MANIFEST):
            manifest = self._reopen_manifest(options, end_mark)
        else:
            manifest = self._write_or_resume_manifest(self._choose_scope(options))
        end = self._check_room(manifest)
        written = self._write_missing_parts(manifest, end)
        self._sign(manifest, options.key)
        if manifest.path.endswith(PARTIAL):
            self._directory.complete(MANIFEST)
        with self._journal.changing():
            self._journal.set_fact(LAST_EXPORT, manifest.header.end)
        size = end.bytes if manifest.header.tree else sum(
            line.size for line in Manifest(self._directory.name(MANIFEST)) if isinstance(line, PartLine))
        return ExportResult(manifest.header, end, written, size)

    # --- scope

    def _choose_scope(self, options: ExportOptions) -> Scope:
        """Return what the bundle is to contain. Raises ConfigurationError for a mark that the journal does not have."""
        scope = Scope(split=options.split, tree=options.tree)
        if options.full:
            return scope
        if options.since is not None:
            return self._delta_scope(scope, options.since, "--since")
        if options.listing is not None:
            return self._scope_against(scope, options.listing)
        last = self._journal.fact(LAST_EXPORT)
        return scope if last is None else self._delta_scope(scope, last, "the last export")

    def _delta_scope(self, scope: Scope, mark: str, option: str) -> Scope:
        """Return the scope of the changes since a mark. option: what names the mark, for messages."""
        return scope._replace(kind=DELTA, base=mark, since=self._serial_of(mark, option))

    def _scope_against(self, scope: Scope, listing: Listing) -> Scope:
        """Return the scope of what a listing lacks. Raises ConfigurationError for a receipt of another mirror."""
        receipt = listing.receipt
        if receipt is None:
            return scope._replace(kind=AGAINST, listing=listing)
        if receipt.mirror != self._journal.mirror:
            raise ConfigurationError(f"--against {listing.path}: a receipt for another mirror ({receipt.mirror}; this one is "
                                     f"{self._journal.mirror}); use --full")
        return self._delta_scope(scope, receipt.mark, f"--against {listing.path}")._replace(listing=listing)

    def _serial_of(self, mark: str, option: str) -> int:
        """Return the serial of a mark. Raises ConfigurationError for one that the journal does not have."""
        serial = self._journal.serial_of(mark)
        if serial is None:
            known = ", ".join(self._journal.newest_marks(_SHOWN)) or "none"
            raise ConfigurationError(f"{option}: unknown mark {mark!r}; the newest ones are {known}; use one of them, --full, "
                                     "or --against a listing")
        return serial

    # --- manifest

    def _reopen_manifest(self, options: ExportOptions, end_mark: str) -> Manifest:
        """Return the manifest of a bundle in the directory: missing parts are written again, and it may be signed.

        Raises ConfigurationError if the bundle is an older one, with nothing to do for it.
        """
        manifest = Manifest(self._directory.name(MANIFEST))
        if manifest.header.mirror != self._journal.mirror:
            raise ConfigurationError(f"{self._directory.path}: holds a bundle of another mirror; choose another directory")
        missing = [line for line in manifest if isinstance(line, PartLine) and not self._is_written(line)]
        if not missing and manifest.header.end != end_mark and options.key is None:
            raise ConfigurationError(f"{self._directory.path}: holds the complete bundle of the mark {manifest.header.end}; "
                                     "choose another directory")
        if options.tree != manifest.header.tree:
            raise ConfigurationError(f"{self._directory.path}: holds a bundle {'with' if manifest.header.tree else 'without'} "
                                     "--tree; choose another directory")
        if missing:
            self._notify(Notice(f"{self._directory.path}: writes missing parts of the bundle again: "
                                f"{', '.join(str(line.number) for line in missing[:_SHOWN])}"))
        return manifest

    def _write_or_resume_manifest(self, scope: Scope) -> Manifest:
        """Write the manifest under its temporary name, or find that of an interrupted export of the same bundle."""
        header = export_plan.header(self._mirror, self._state, self._journal, scope)
        path = self._directory.name(MANIFEST + PARTIAL)
        parts = 0
        if os.path.exists(path):
            try:
                manifest = Manifest(path)
                parts = sum(isinstance(line, PartLine) for line in manifest)
                if manifest.header == header:
                    self._notify(Notice(f"{self._directory.path}: continues the interrupted export"))
                    return manifest
            except InvalidBundle:
                pass  # the export was interrupted while it wrote the manifest, before any part
        self._directory.clear(parts)
        with self._directory.errors(), open(path, "wb") as stream:
            writer = ManifestWriter(stream, header, scope.split)
            for line in export_plan.lines(self._mirror, self._state, self._journal, scope, header.advisories):
                writer.write(line)
            writer.end()
            stream.flush()
            os.fsync(stream.fileno())
        return Manifest(path)

    def _check_room(self, manifest: Manifest) -> End:
        """Return the last line of the manifest. Raises InsufficientSpace if the parts do not fit on the disk."""
        missing = 0
        for line in manifest:
            if isinstance(line, PartLine) and not self._is_written(line):
                missing += line.size
            elif isinstance(line, End):
                end = line
        free = self._directory.free_space()
        if missing > free:
            raise InsufficientSpace(f"{self._directory.path}: {in_bytes(free)} free, and the missing parts take "
                                    f"{in_bytes(missing)}; nothing was written to them")
        return end

    # --- parts

    def _is_written(self, part: PartLine) -> bool:
        return self._directory.size(part_name(part.number)) == part.size

    def _write_missing_parts(self, manifest: Manifest, end: End) -> int:
        """Write the missing parts, or the plain tree; return the number of parts written."""
        if manifest.header.tree:
            PlainTree(self._mirror, self._directory).write(manifest)
            return 0
        sizes = {line.number: line for line in manifest if isinstance(line, PartLine)}
        lines = iter(manifest)
        written = 0
        for number in range(1, end.parts + 1):
            members = (line for line in itertools.takewhile(lambda line: not isinstance(line, PartLine), lines)
                       if isinstance(line, BundleMember))
            if self._is_written(sizes[number]):
                for _ in members:
                    pass
                continue
            self._write_part(manifest.header, number, members)
            written += 1
        return written

    def _write_part(self, header: BundleHeader, number: int, members: Iterator[BundleMember]) -> None:
        with self._directory.written(part_name(number)) as stream:
            stream.write(tar_parts.beginning(header, number))
            for member in members:
                stream.write(tar_parts.member_header(member.path, member.size, header.time))
                self._write_content(member, stream)
                stream.write(bytes(tar_parts.padding(member.size)))
            stream.write(tar_parts.END)

    def _write_content(self, member: BundleMember, stream: BinaryIO) -> None:
        """Write the content of a member. Raises MirrorError if it differs from the manifest."""
        content = export_plan.content_of(self._mirror, self._state, member.path)
        if content is not None:
            stream.write(content)
            size, sha256 = len(content), hashlib.sha256(content).hexdigest()
        else:
            size, sha256 = copy_file(self._mirror, member.path, stream)
        if (size, sha256) != (member.size, member.sha256):
            raise MirrorError(f"{member.path}: differs from the manifest; if the mirror has changed meanwhile, "
                              "export to another directory; else run verify --repair")

    def _sign(self, manifest: Manifest, key: str | None) -> None:
        if key is not None:
            with self._directory.written(SIGNATURE) as stream:
                stream.write(signature.sign(manifest.path, key))
