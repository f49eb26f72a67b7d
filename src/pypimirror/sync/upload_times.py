"""Dates files without an upload time upstream: clients with a cooldown refuse files without one (PEP 700).

The time is recorded with the mirror's copy and written to its JSON pages, from which a lost state is rebuilt. It stays the same
as long as the content does. Filters such as ``min_age`` ignore it: they judge upstream's times.
"""

from __future__ import annotations

import datetime
import time

from ..http.file_urls import url_of
from ..interfaces import IRunContext
from ..model import File, Stored

#: Sources of a time: the Last-Modified of upstream's response, which the mirror's copy has as its time of modification, and the
#: first run that had the file.
LAST_MODIFIED, FIRST_SEEN = "last-modified", "first-seen"


def dated(mirror: IRunContext, file: File, stored: Stored, path: str, is_undated: bool = False) -> Stored:
    """Return the mirror's copy of a file with an upload time if upstream has none.

    file: upstream's entry, with the recorded copy. stored: the copy at the path. is_undated: whether it was just downloaded,
    without a Last-Modified. Raises StorageError.
    """
    if file.upload_time is not None:
        return stored
    stored = with_time_of(file.stored, stored)
    if stored.upload_time is not None:
        return stored
    now = time.time()
    modified = mirror.storage.modified(path)
    if modified is None or not 0 <= modified <= now:
        modified, is_undated = now, True
    source = FIRST_SEEN if is_undated or _is_own(mirror, file) else LAST_MODIFIED
    return stored._replace(upload_time=_text(modified), upload_time_source=source)


def with_time_of(known: Stored | None, stored: Stored) -> Stored:
    """Return a copy with the time of an earlier copy of the same content."""
    if known is None or known.sha256 != stored.sha256 or known.upload_time is None:
        return stored
    return stored._replace(upload_time=known.upload_time, upload_time_source=known.upload_time_source)


def earliest_time(mirror: IRunContext, file: File, path: str) -> float | None:
    """Return the time after which the Last-Modified of a file counts, in seconds since 1970; None if it never does.

    The time of another file that the mirror's pages list at the path counts: web servers distinguish both by their times.
    """
    # The site's own files have the times of their last copy.
    if file.upload_time is not None or _is_own(mirror, file):
        return None
    is_served = file.stored is not None and file.stored.published
    modified = mirror.storage.modified(path) if is_served else None
    return -1.0 if modified is None else modified


def _is_own(mirror: IRunContext, file: File) -> bool:
    """Whether a file is from ``local_packages``."""
    folder = mirror.settings["local_packages"]
    return bool(folder) and file.url.startswith(f"{url_of(folder)}/")


def _text(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
