"""Keeps ``min_free`` free though many workers fill the disk at once: each file counts from when it is begun."""

from __future__ import annotations

import threading
import time

from ..errors import InsufficientSpace
from ..interfaces import IRunContext
from ..settings.units import in_bytes
from .paths import UNFINISHED

#: Seconds for which what was free counts, and the part of it that may be begun before it is looked at again.
_FRESH, _PART = 0.5, 16


class FreeSpaceGuard:
    """Knows how many bytes are under way into a mirror in this process, and takes it that others have as much in hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        #: Bytes that may be begun without another look, until when by the clock that only goes on.
        self._spare, self._until = 0, 0.0

    def keep(self, mirror: IRunContext, size: int) -> int | None:
        """Keep room for so many bytes until it is given back; return how many there is room for, or None for no bound.

        Raises Full if they would leave less than ``min_free``. size: 0 where it is not known.
        """
        with self._lock:
            # Looking lets other threads go on, which then wait here: it is done now and then while there is plenty.
            room: int | None
            if 0 < size <= self._spare and time.monotonic() < self._until:
                room = self._spare
            else:
                room = self._found(mirror, size)
                self._spare, self._until = (room or 0) // (_PART * _others(mirror)), time.monotonic() + _FRESH
            self._spare -= size
            self._under_way += size
        return room

    def give_back(self, size: int) -> None:
        """Give back what was kept for a file that is in its place now, or that did not come."""
        with self._lock:
            self._under_way -= size

    def _found(self, mirror: IRunContext, size: int) -> int | None:
        free, keep = mirror.storage.free(), mirror.settings["min_free"]
        if free is None:
            return None
        coming = self._under_way * _others(mirror)
        if coming and free - coming - size < keep:
            # As far as it is written it is not among what is free any more.
            coming = max(0, coming - self._written(mirror))
        if free - coming - size < keep:
            promised = f", {in_bytes(coming)} of it for what is under way" if coming else ""
            raise InsufficientSpace(f"{mirror.settings['mirror_file_path']}: {in_bytes(free)} free{promised}, and min_free "
                                    f"keeps {in_bytes(keep)}")
        return int(free - coming - keep)

    @staticmethod
    def _written(mirror: IRunContext) -> int:
        storage = mirror.storage
        return sum(storage.size(f"{UNFINISHED}/{name}") or 0 for name in storage.names(UNFINISHED) if "waiting" not in name)


def _others(mirror: IRunContext) -> int:
    """How many processes there are that do as much as this one, itself among them."""
    return -(-int(mirror.settings["workers"]) // mirror.workers)
