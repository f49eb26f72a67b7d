"""Keeps the files that ``replaced = refuse`` refuses in the trash, for the examination of an incident."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import InsufficientSpace, MirrorError
from ..events import Notice
from ..http.download import download
from ..interfaces import IRunContext
from ..model import File
from .ensure_file import MOST_BYTES

#: Refused files of one project in the trash.
_MOST = 10


class RefusedFile(NamedTuple):
    """A file that is refused."""

    name: str
    file: File


def keep_refused(mirror: IRunContext, task: RefusedFile, emit: Callable[[Any], None]) -> None:
    """Download a refused file into the trash, unless it is there; report what can't be kept, which the next run tries again."""
    sha256 = task.file.hashes["sha256"]
    kept = mirror.trash.refused(task.name)
    if sha256 in kept:
        return
    if len(kept) >= _MOST:
        emit(Notice(f"{task.name}: {task.file.filename}: not kept, since the trash has {_MOST} refused files of the project"))
        return
    try:
        limit = mirror.settings["max_file_size"] or MOST_BYTES
        mirror.trash.put_refused(task.name, task.file, lambda path: download(
            mirror.fetcher, mirror.storage, mirror.attempts.bounded(), task.file.url, path, task.file.hashes, task.file.size,
            limit, functools.partial(mirror.room.admit, mirror)))
    except InsufficientSpace:
        raise
    except MirrorError as error:
        emit(Notice(f"{task.name}: {task.file.filename}: the refused file can't be kept: {error}"))
        return
    emit(Notice(f"{task.name}: {task.file.filename}: the refused file is in the trash, see trash list"))
