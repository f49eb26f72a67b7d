"""Enforces ``min_free`` while many workers write: each file counts from the moment its download begins."""

from __future__ import annotations

import threading
import time

from ..errors import InsufficientSpace
from ..interfaces import IRunContext
from ..settings.units import in_bytes
from .paths import UNFINISHED

#: Seconds until free space is measured again, and the fraction of it (1 / _PART) that may be reserved until then.
_FRESH, _PART = 0.5, 16


class FreeSpaceGuard:
    """Reserves disk space for files under way; assumes that each other process has reserved as much."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        #: Bytes that may be reserved without measuring again, and until when (monotonic clock).
        self._spare, self._until = 0, 0.0

    def reserve(self, mirror: IRunContext, size: int) -> int | None:
        """Reserve space until ``release``; return the bytes available, or None without a limit.

        size: 0 if unknown. Raises InsufficientSpace if less than ``min_free`` would remain.
        """
        with self._lock:
            # Measuring releases the GIL, and other threads then wait for this lock: avoided while there is plenty of space.
            room: int | None
            if 0 < size <= self._spare and time.monotonic() < self._until:
                room = self._spare
            else:
                room = self._found(mirror, size)
                self._spare, self._until = (room or 0) // (_PART * _others(mirror)), time.monotonic() + _FRESH
            self._spare -= size
            self._under_way += size
        return room

    def release(self, size: int) -> None:
        """Release a reservation, after the file is in place or has failed."""
        with self._lock:
            self._under_way -= size

    def _found(self, mirror: IRunContext, size: int) -> int | None:
        free, keep = mirror.storage.free(), mirror.settings["min_free"]
        if free is None:
            return None
        coming = self._under_way * _others(mirror)
        if coming and free - coming - size < keep:
            # Bytes already written are no longer part of the free space.
            coming = max(0, coming - self._written(mirror))
        if free - coming - size < keep:
            promised = f", {in_bytes(coming)} of it reserved for running downloads" if coming else ""
            raise InsufficientSpace(f"{mirror.settings['mirror_file_path']}: {in_bytes(free)} free{promised}, and min_free "
                                    f"keeps {in_bytes(keep)}")
        return int(free - coming - keep)

    @staticmethod
    def _written(mirror: IRunContext) -> int:
        storage = mirror.storage
        return sum(storage.size(f"{UNFINISHED}/{name}") or 0 for name in storage.listdir(UNFINISHED) if "waiting" not in name)


def _others(mirror: IRunContext) -> int:
    """Return the number of processes, this one included; each has about as many workers."""
    return -(-int(mirror.settings["workers"]) // mirror.workers)
