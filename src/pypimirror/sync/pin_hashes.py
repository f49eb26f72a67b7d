"""Checks files against the hashes of their pins where upstream gives hashes of other algorithms, or none."""

from __future__ import annotations

from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import File, Project, Stored
from ..pins.pinned_releases import pinned_by


def carried(old: Project | None, page: Project) -> tuple[File, ...]:
    """Return the files of a page with the digests that were computed of the same files before."""
    digests = {_identity(file): file.digests for file in (old.files if old is not None else ()) if file.digests}
    if not digests:
        return page.files
    return tuple(file._replace(digests=digests.get(_identity(file), file.digests)) for file in page.files)


def check(mirror: IRunContext, project: str, file: File, stored: Stored, path: str) -> tuple[File, bool]:
    """Compute the hashes that a file's pin needs and upstream lacks; return the file with them and whether the pin refuses it.

    stored: the file at the path. A project that the filters select is not narrowed by its pins.
    """
    if not mirror.needs.pinned.get(project):
        return file, False
    pinned = pinned_by(mirror.needs, project)
    version = parse(file.filename, project).version
    missing = pinned.algorithms(version) - file.hashes.keys() - file.digests.keys()
    if missing and pinned.allows(version, file.content_hashes) is not True:
        computed = {name: stored.sha256 if name == "sha256" else mirror.storage.digest(path, name) for name in sorted(missing)}
        file = file._replace(digests={**file.digests, **{name: digest for name, digest in computed.items() if digest}})
    refused = pinned.allows(version, {**file.digests, "sha256": stored.sha256, **file.hashes}) is False
    return file, refused and bool(pinned.matching(version)) and not mirror.selection.matched(project)


def prefers(mirror: IRunContext, project: str, before: File, now: File) -> bool:
    """Whether the pins allow the mirror's copy of a file, and not the one of the same name that upstream has now."""
    pinned = pinned_by(mirror.needs, project)
    version = parse(now.filename, project).version
    return pinned.allows(version, before.content_hashes) is True and pinned.allows(version, now.content_hashes) is False


def _identity(file: File) -> tuple[object, ...]:
    return file.filename, file.url, tuple(sorted(file.hashes.items())), file.size, file.upload_time
