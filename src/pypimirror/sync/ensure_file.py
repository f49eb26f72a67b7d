"""Ensures that a distribution file and its sidecar files are in the mirror: finds, restores or downloads them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection
from typing import NamedTuple

from ..errors import ConfigurationError, FetchError, InsufficientSpace, IntegrityError, MirrorError
from ..http.download import ALGORITHMS, download
from ..http.retry import RetryPolicy
from ..interfaces import IRunContext
from ..model import File, Stored
from ..names import PROVENANCE, SIGNATURE
from ..storage.paths import UNFINISHED
from . import pin_hashes
from .attested import InvalidAttestation, verify_attestations
from .changes import is_up_to_date
from .folder_snapshot import NOT_LISTED, FolderSnapshot
from .sidecars import companion, core_metadata, urls_beside
from .upload_times import dated, earliest_time

FULL = "full"
#: Published pages link to another file of this name; the new file waits until that one is removed.
WAITS = "waits"
#: Upstream gives no hash, and no pin allows the hash of the content: the file is left out.
REFUSED = "refused"
#: Prefix of the paths of files that wait; the next run removes them.
WAITING = f"{UNFINISHED}/waiting-"
#: Bytes; the size limit of external files if max_file_size is not set.
MOST_BYTES = 1 << 30


class FileResult(NamedTuple):
    """Result of ``ensure_file``."""

    file: File
    #: ``kept``, ``found``, ``restored``, ``fetched``, ``waits``, ``refused``, or how it failed: ``not found``, ``invalid``,
    #: ``failed``, ``full``.
    how: str
    error: str | None = None


def ensure_file(mirror: IRunContext, project: str, file: File, offline: bool = False, attempts: RetryPolicy | None = None,
           ground: FolderSnapshot = NOT_LISTED) -> FileResult:
    """Ensure that a file and its sidecar files are in the mirror. Failures are returned, not raised.

    offline: whether files may be taken from the mirror and its trash only. attempts: the project's; by default the mirror's.
    A file that pages may link to is never overwritten: one that upstream replaced is downloaded to another path and waits.
    """
    path = f"{project}/{file.filename}"
    try:
        attempts = attempts or mirror.attempts
        stored, how, body, is_undated = _content(mirror, project, file, path, offline, attempts, ground)
        if stored is None:
            return FileResult(file._replace(stored=_older(mirror, file, path)), "not found")
        if how == WAITS:
            return FileResult(file, how)
        before = file.stored
        file, is_refused = pin_hashes.check(mirror, project, file, stored, path)
        if is_refused:
            if before is None:  # no page names it
                mirror.storage.remove(path)
            return FileResult(file._replace(stored=None), REFUSED)
        stored = dated(mirror, file, stored, path, is_undated)
    except MirrorError as error:
        return FileResult(file._replace(stored=_older(mirror, file, path)), _kind(error), str(error))
    is_new = _is_new(before, stored)
    try:
        metadata = core_metadata(mirror, project, file, stored, path, offline, attempts, body, ground)
    except MirrorError as error:
        # The file is good without its sidecars, which the next run requests again.
        return _incomplete(mirror, project, file, stored._replace(metadata=None), is_new, error)
    if metadata != stored.metadata:
        stored = stored._replace(metadata=metadata)
    here, urls = how != "fetched", urls_beside(file)
    if not urls and stored.provenance is None and stored.signature is None:
        return FileResult(file.with_stored(stored), how)
    try:
        stored = stored._replace(
            provenance=companion(mirror, urls.get(PROVENANCE), path + PROVENANCE, stored.provenance, here, offline,
                                 attempts))
        verify_attestations(mirror, project, before, file, stored)
        stored = stored._replace(
            signature=companion(mirror, urls.get(SIGNATURE), path + SIGNATURE, stored.signature, here, offline, attempts))
    except InvalidAttestation as error:
        mirror.storage.remove(path + PROVENANCE)  # the next run requests it again
        return _incomplete(mirror, project, file, stored._replace(provenance=None), is_new, error)
    except ConfigurationError:
        raise  # without a usable trusted root nothing counts as verified
    except MirrorError as error:
        return _incomplete(mirror, project, file, stored, is_new, error)
    return FileResult(file.with_stored(stored), how)


def _is_new(before: Stored | None, stored: Stored) -> bool:
    """Whether the mirror had no copy of this content. before: the recorded copy."""
    return before is None or before.sha256 != stored.sha256


def _incomplete(mirror: IRunContext, project: str, file: File, stored: Stored, is_new: bool, error: MirrorError) -> FileResult:
    """Return the result for a file without one of its sidecars.

    A new one whose attestations have to be verified waits in the trash until they are.
    """
    if is_new and mirror.attestations is not None and file.provenance is not None:
        mirror.trash.put(project, file.filename, file._replace(stored=stored))
        return FileResult(file._replace(stored=None), _kind(error), str(error))
    return FileResult(file._replace(stored=stored), _kind(error), str(error))


def _kind(error: MirrorError) -> str:
    if isinstance(error, InsufficientSpace):
        return FULL
    if isinstance(error, IntegrityError):
        return "invalid"
    return "not found" if isinstance(error, FetchError) and error.code in (404, 410) else "failed"


class _Content(NamedTuple):
    """A distribution file in the storage."""

    #: None if the file is in neither the mirror nor the trash, and nothing may be downloaded.
    stored: Stored | None
    how: str
    #: The whole content if the file was downloaded and is small.
    body: bytes | None = None
    #: Whether it was downloaded, and the response had no valid Last-Modified.
    is_undated: bool = False


def _content(mirror: IRunContext, project: str, file: File, path: str, offline: bool, attempts: RetryPolicy,
             ground: FolderSnapshot) -> _Content:
    """Find, restore or download a distribution file. Raises MirrorError."""
    size = ground.size(mirror.storage, path)
    if size is not None and (kept := _in_place(mirror, file, path, size)) is not None:
        return kept
    if ground.waited and size is None and (moved := _move_waiting(mirror, file, path)) is not None:
        return moved
    is_replaced = size is not None and file.stored is not None and not is_up_to_date(file)
    target = _waiting(path) if is_replaced else path
    content = _restore(mirror, project, file, target, () if is_replaced else urls_beside(file))
    if content is None:
        if offline:
            return _Content(None, "")
        if not file.url:
            raise FetchError(path, "missing or damaged, and its URL at upstream is not known", code=404)
        content = _download(mirror, file, path, target, attempts)
    if not is_replaced:
        return content
    if content.is_undated:
        mirror.storage.move(target, _waiting(path, is_undated=True))
    return content._replace(how=WAITS)


def _in_place(mirror: IRunContext, file: File, path: str, size: int) -> _Content | None:
    """Return the file at its path if it is the one that upstream offers."""
    if file.stored is not None and file.stored.size == size and is_up_to_date(file):
        return _Content(file.stored, "kept")
    found = _verify_existing(mirror, file, path, size)
    return None if found is None else _Content(found, "found")


def _move_waiting(mirror: IRunContext, file: File, path: str) -> _Content | None:
    """Move a file that this run has downloaded and that waited for its path to become free."""
    for is_undated in (False, True):
        waiting = _waiting(path, is_undated)
        size = mirror.storage.size(waiting)
        found = None if size is None else _verify_existing(mirror, file, waiting, size)
        if found is not None:
            mirror.storage.move(waiting, path)
            return _Content(found, "fetched", is_undated=is_undated)
    return None


def _restore(mirror: IRunContext, project: str, file: File, target: str, sidecars: Collection[str]) -> _Content | None:
    """Move a file and these sidecar files from the trash to the target, if the trash has it."""
    if not mirror.trash.take(project, file.filename, file.hashes, target, sidecars):
        return None
    return _Content(Stored(file.hashes["sha256"], mirror.storage.size(target) or 0), "restored")


def _download(mirror: IRunContext, file: File, path: str, target: str, attempts: RetryPolicy) -> _Content:
    """Download a file. target: its path, or where it waits for that path to become free."""
    limit = None if file.external is None else mirror.settings["max_file_size"] or MOST_BYTES
    done = download(mirror.fetcher, mirror.storage, attempts, file.url, target, file.hashes, file.size, limit,
                    functools.partial(mirror.room.admit, mirror), earliest_time(mirror, file, path))
    return _Content(Stored(done.sha256, done.size, published=True, validator=file.validator), "fetched", done.body,
                    done.modified is None)


def _waiting(path: str, is_undated: bool = False) -> str:
    """Return the path of a file that waits for another path to become free, by whether its response had no Last-Modified."""
    return WAITING + hashlib.sha256(path.encode()).hexdigest()[:32] + ("-undated" if is_undated else "")


def _older(mirror: IRunContext, file: File, path: str) -> Stored | None:
    """Return the stored version of an external file whose download failed; upstream has no hash to check it against."""
    if file.external is None or file.stored is None or mirror.storage.size(path) != file.stored.size:
        return None
    return file.stored


def _verify_existing(mirror: IRunContext, file: File, path: str, size: int) -> Stored | None:
    """Return the file at the path if it is the one that upstream offers, compared by hash or, without one, with the record."""
    algorithm = next((name for name in ALGORITHMS if name in file.hashes), None)
    if file.size not in (None, size):
        return None
    sha256 = mirror.storage.digest(path)
    if algorithm is None:
        same = path.startswith(WAITING) or _is_as_recorded(file, sha256)
    elif algorithm == "sha256":
        same = file.hashes["sha256"] == sha256
    else:
        same = file.hashes[algorithm] == mirror.storage.digest(path, algorithm)
    return Stored(str(sha256), size, validator=file.validator) if same else None


def _is_as_recorded(file: File, sha256: str | None) -> bool:
    """Whether a hash is that of the recorded content, and this came from the index that offers the file now."""
    stored = file.stored
    return (stored is not None and stored.sha256 == sha256 and not stored.foreign
            and (stored.validator is None or is_up_to_date(file)))
