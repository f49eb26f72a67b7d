"""The line on a terminal that shows how far a task is: by tqdm, or without it a plain one."""

from __future__ import annotations

import shutil
import threading
import time
from typing import Any, Protocol, TextIO

from ..settings.units import in_bytes

#: Returns to the start of the line and clears it.
_CLEAR = "\r\x1b[K"
#: Minimum seconds between two updates of the line.
_PAUSE = 0.2


class Meter(Protocol):
    """One line that is overwritten."""

    def begin(self, task: str, total: int, unit: str, done: int) -> None:
        """Show another task. unit: ``B`` for bytes, or a noun. done: how much of ``total`` is done already."""

    def show(self, done: int, note: str) -> None:
        """Show how much is done. note: further figures."""

    def clear(self) -> None:
        """Clear the line; the next ``show`` brings it back."""

    def close(self) -> None:
        """Clear the line at the end of the task."""


def meter(stream: TextIO) -> Meter:
    """Return a meter of tqdm (extra ``progress``), with rate and time left, or a plain one where tqdm is not installed."""
    try:
        return TqdmMeter(stream)
    except ImportError:
        return PlainMeter(stream)


class PlainMeter:
    """Shows the amount and the percentage."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._task, self._total, self._unit = "", 0, ""
        self._last = 0.0
        self._is_shown = False

    def begin(self, task: str, total: int, unit: str, done: int) -> None:
        self._task, self._total, self._unit = task, total, unit

    def show(self, done: int, note: str) -> None:
        now = time.monotonic()
        if now - self._last < _PAUSE:
            return
        self._last = now
        amount = (f"{in_bytes(done)} of {in_bytes(self._total)}" if self._unit == "B"
                  else f"{done} of {self._total} {self._unit}")
        percent = f"{100 * done // self._total}%, " if self._total else ""
        text = f"{self._task}: {percent}{amount}" + (f", {note}" if note else "")
        self._stream.write(_CLEAR + text[:shutil.get_terminal_size().columns - 1])
        self._stream.flush()
        self._is_shown = True

    def clear(self) -> None:
        if self._is_shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._is_shown = False

    close = clear


class TqdmMeter:
    """Shows a bar with the amount, percentage, rate and time left."""

    def __init__(self, stream: TextIO):
        """Raises ImportError."""
        from tqdm.std import tqdm  # not loaded without a terminal

        class Bar(tqdm):  # type: ignore[misc]
            monitor_interval = 0  # no thread: a line that is not updated for a while does no harm

        Bar.set_lock(threading.RLock())  # by default one of multiprocessing, which few runs need
        self._kind: Any = Bar
        self._stream = _ClearingStream(stream)
        self._bar: Any = None

    def begin(self, task: str, total: int, unit: str, done: int) -> None:
        self.close()
        self._bar = self._kind(
            total=total, initial=done, desc=task, unit=unit if unit == "B" else f" {unit}", unit_scale=unit == "B",
            file=self._stream, mininterval=_PAUSE, delay=_PAUSE, dynamic_ncols=True, leave=False)

    def show(self, done: int, note: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._bar.n)

    def clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _ClearingStream:
    """Clears the line where tqdm returns to its start, in the form that ``safe_stream.SafeStream`` lets pass."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        start = _CLEAR if text.startswith("\r") else ""
        return self._stream.write(start + text.strip("\r ")) if text else 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
