"""Gets one file of a project into its place: from where it lies already, from the trash, or from upstream."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from ..errors import FetchError, InsufficientSpace, IntegrityError, MirrorError
from ..http.download import ALGORITHMS, download
from ..http.retry import RetryPolicy
from ..interfaces import IRunContext
from ..model import File, Stored
from ..names import PROVENANCE, SIGNATURE
from ..storage.paths import UNFINISHED
from . import pin_hashes
from .evaluate import is_up_to_date
from .folder_snapshot import NOT_LISTED, FolderSnapshot
from .sidecars import companion, core_metadata, urls_beside

FULL = "full"
#: Another file of the name lies in its place, and pages tell of that one: it has to go first, and this one waits.
WAITS = "waits"
#: No pin allows its hash, which upstream does not give: it is left out.
REFUSED = "refused"
#: Where such files wait within a run; the next one clears it.
WAITING = f"{UNFINISHED}/waiting-"
#: Bytes; the largest external file that is taken where max_file_size does not say.
MOST_BYTES = 1 << 30


class FileResult(NamedTuple):
    """What became of one file."""

    file: File
    #: ``kept``, ``found``, ``restored``, ``fetched``, ``waits``, ``refused``, or how it failed: ``not found``, ``invalid``,
    #: ``failed``, ``full``.
    how: str
    error: str | None = None


def ensure_file(mirror: IRunContext, project: str, file: File, offline: bool = False, attempts: RetryPolicy | None = None,
           ground: FolderSnapshot = NOT_LISTED) -> FileResult:
    """Get a file and what lies beside it; with ``offline`` only from here and from the trash. Failures are told, not raised.

    attempts: those of the project; the mirror's own unless given. ground: what is known of its folder.
    Nothing is put over a file that pages may tell of: what upstream replaced is fetched, and waits until that one is gone.
    """
    path = f"{project}/{file.filename}"
    try:
        attempts = attempts or mirror.attempts
        stored, how, body = _body(mirror, project, file, path, offline, attempts, ground)
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
    except MirrorError as error:
        return FileResult(file._replace(stored=_older(mirror, file, path)), _kind(error), str(error))
    try:
        metadata = core_metadata(mirror, project, file, stored, path, offline, attempts, body, ground)
    except MirrorError as error:
        # The file is good without what lies beside it, which the next run asks for again.
        return FileResult(file._replace(stored=stored._replace(metadata=None)), _kind(error), str(error))
    if metadata != stored.metadata:
        stored = stored._replace(metadata=metadata)
    here, urls = how != "fetched", urls_beside(file)
    if not urls and stored.provenance is None and stored.signature is None:
        return FileResult(file._replace(stored=stored), how)
    try:
        stored = stored._replace(
            provenance=companion(mirror, urls.get(PROVENANCE), path + PROVENANCE, stored.provenance, here, offline,
                                 attempts))
        stored = stored._replace(
            signature=companion(mirror, urls.get(SIGNATURE), path + SIGNATURE, stored.signature, here, offline, attempts))
    except MirrorError as error:
        return FileResult(file._replace(stored=stored), _kind(error), str(error))
    return FileResult(file._replace(stored=stored), how)


def _kind(error: MirrorError) -> str:
    if isinstance(error, InsufficientSpace):
        return FULL
    if isinstance(error, IntegrityError):
        return "invalid"
    return "not found" if isinstance(error, FetchError) and error.code in (404, 410) else "failed"


def _body(mirror: IRunContext, project: str, file: File, path: str, offline: bool, attempts: RetryPolicy,
          ground: FolderSnapshot) -> tuple[Stored | None, str, bytes | None]:
    """Get the file itself; give what is there, how it came, and its content where it has just come and is small."""
    storage = mirror.storage
    size = ground.size(storage, path)
    if size is not None:
        if file.stored is not None and file.stored.size == size and is_up_to_date(file):
            return file.stored, "kept", None
        if (found := _vouched(mirror, file, path, size)) is not None:
            return found, "found", None
    replaced = size is not None and not is_up_to_date(file)
    target = _waiting(path) if replaced else path
    if ground.waited and size is None and (length := storage.size(waiting := _waiting(path))) is not None \
            and (found := _vouched(mirror, file, waiting, length)):
        storage.move(waiting, path)
        return found, "fetched", None
    if mirror.trash.take(project, file.filename, file.hashes, target, () if replaced else urls_beside(file)):
        return Stored(file.hashes["sha256"], storage.size(target) or 0), WAITS if replaced else "restored", None
    if offline:
        return None, "", None
    if not file.url:
        raise FetchError(path, "gone or damaged, and it is not known where upstream has it", code=404)
    limit = None if file.external is None else mirror.settings["max_file_size"] or MOST_BYTES
    room = mirror.room.reserve(mirror, file.size or 0)
    try:
        done = download(mirror.fetcher, storage, attempts, file.url, target, file.hashes, file.size, limit, room)
    finally:
        mirror.room.release(file.size or 0)
    stored = Stored(done.sha256, done.size, published=True, validator=file.validator)
    return stored, WAITS if replaced else "fetched", done.body


def _waiting(path: str) -> str:
    return WAITING + hashlib.sha256(path.encode()).hexdigest()[:32]


def _older(mirror: IRunContext, file: File, path: str) -> Stored | None:
    """Give what the mirror has of an external file that can't be had anew: no hash of upstream's speaks against it."""
    if file.external is None or file.stored is None or mirror.storage.size(path) != file.stored.size:
        return None
    return file.stored


def _vouched(mirror: IRunContext, file: File, path: str, size: int) -> Stored | None:
    """Give what lies at the path if it is what upstream offers, by its hash; without any hash only upstream knows."""
    algorithm = next((name for name in ALGORITHMS if name in file.hashes), None)
    if file.size not in (None, size):
        return None
    sha256 = mirror.storage.digest(path)
    if algorithm is None:
        here = file.stored
        same = path.startswith(WAITING) or (here is not None and here.sha256 == sha256 and not here.foreign
                                            and (here.validator is None or is_up_to_date(file)))
    elif algorithm == "sha256":
        same = file.hashes["sha256"] == sha256
    else:
        same = file.hashes[algorithm] == mirror.storage.digest(path, algorithm)
    return Stored(str(sha256), size, validator=file.validator) if same else None
