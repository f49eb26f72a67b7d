"""Records when files first appeared on upstream's pages, for those without a usable upload time."""

from __future__ import annotations

import time

from ..filters.age import uploaded
from ..interfaces import IRunContext
from ..model import File, Project


def first_seen(mirror: IRunContext, old: Project | None, page: Project) -> Project:
    """Return the page with the time of this run for new files without upload time, or with one in the future.

    Those that were known before that was noted, and the site's own, count as seen long ago.
    """
    if page.upstream and page.upstream == mirror.own.upstream:
        return page
    known = {file.filename: file for file in (old.files if old else ())}
    now = int(time.time())
    return page._replace(files=tuple(_noted(file, known.get(file.filename), now) for file in page.files))


def _noted(file: File, before: File | None, now: int) -> File:
    """Return a file with the time of its first appearance. before: the file of this name that is known."""
    if before is not None and _is_another(file, before):
        before = None
    when = uploaded(file)
    if when is not None and when <= now:
        return file if before is None or before.seen is None else file._replace(seen=before.seen)
    if before is None:
        return file._replace(seen=now)
    seen = _appeared(before, now)
    if seen is None and when is not None:  # known before upload times in the future were noted
        seen = now
    return file._replace(seen=seen)


def _is_another(file: File, before: File) -> bool:
    """Whether a file is a new upload under the name of another one."""
    return any(file.hashes.get(name, digest) != digest for name, digest in before.hashes.items())


def _appeared(file: File, now: int) -> int | None:
    """Return when a known file first appeared: its upload time, unless that is in the future; None if that is unknown."""
    when = uploaded(file)
    if when is not None and when <= now:
        return int(when)
    return None if file.seen is None else min(file.seen, now)
