"""Enforces ``min_free`` while many workers of several processes write.

The space of an upload is reserved on the disk itself, before its content arrives: free space minus what all uploads have
reserved and not written yet is what may still be reserved. So all processes that write to the mirror see the same figure.
"""

from __future__ import annotations

import threading
import time

from ..errors import InsufficientSpace
from ..interfaces import IMirror, IReservingUpload, IUpload
from ..settings.units import in_bytes
from .uploads import HELD

#: Seconds until free space is measured again, and the fraction of it (1 / _PART) that may be used until then.
_FRESH, _PART = 0.5, 16
#: Minimum available bytes for small files, which uploads buffer in memory, not to be measured and reserved one by one.
_PLENTY = 1 << 28
#: Maximum number of measurements, to find one during which no process wrote.
_TRIES = 10


class FreeSpaceGuard:
    """Admits uploads as long as ``min_free`` bytes stay free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Bytes that may be used without measuring again, and until when (monotonic clock).
        self._spare, self._until = 0, 0.0

    def admit(self, mirror: IMirror, upload: IUpload, size: int) -> None:
        """Reserve the space of an upload until it is committed or aborted.

        size: bytes of the whole content, or as many as are known to come. Raises InsufficientSpace if less than ``min_free``
        would remain, StorageError.
        """
        with self._lock:
            # Measuring releases the GIL, and other threads then wait for this lock: avoided while there is plenty of space.
            is_measured = size <= self._spare and time.monotonic() < self._until
            if IReservingUpload.providedBy(upload) and not (is_measured and size <= HELD):
                upload.reserve(size)
            if not is_measured:
                left = self._measure(mirror, upload, size)
                self._spare = left // (_PART * _processes(mirror)) if left is not None and left > _PLENTY else 0
                self._until = time.monotonic() + _FRESH
            self._spare = max(0, self._spare - size)

    @staticmethod
    def _measure(mirror: IMirror, upload: IUpload, size: int) -> int | None:
        """Return how many bytes may still be reserved; None without a limit. Raises InsufficientSpace."""
        keep = mirror.settings["min_free"]
        if not IReservingUpload.providedBy(upload):
            free, pending = mirror.storage.free(), size
        else:
            pending = upload.pending()
            for _ in range(_TRIES):
                free, before = mirror.storage.free(), pending
                if free is None or free - pending - keep > _PLENTY or before == (pending := upload.pending()):
                    break
            else:
                pending = before  # what was written in between counts twice rather than not at all
        if free is None:
            return None
        if free - pending < keep:
            raise InsufficientSpace(f"{mirror.settings['mirror_file_path']}: {in_bytes(free)} free, {in_bytes(pending)} of it "
                                    f"needed by files under way, and min_free keeps {keep}")
        return int(free - pending - keep)


def _processes(mirror: IMirror) -> int:
    """Return the number of processes, this one included."""
    return -(-int(mirror.settings["workers"]) // mirror.workers)
