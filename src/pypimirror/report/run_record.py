"""The record of a run: its process, start, phase and progress, in the lock file; and the failure of one before it had the lock.

``status`` reads both. The lock's first line is that of zc.lockfile, the number of the process; the record follows.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any, NamedTuple

from .. import atomic_file, events
from ..errors import MirrorError

#: The file of a failure, in the directory of the state.
FAILURE = "failed.json"
#: The record has always the same length, so that one write replaces it.
_LENGTH = 512
#: Minimum number of seconds between two writes of progress.
_PAUSE = 1.0
#: Maximum number of characters of a message, and of bytes to read.
_LONGEST, _MOST = 1000, 1 << 16
#: The phase in which each of these events is one of the projects done.
_COUNTED: dict[type, str] = {
    events.ProjectEvaluated: "evaluating", events.ProjectPublished: "publishing", events.ProjectVerified: "verifying"}
#: Seconds that clocks of the process table and of the record may differ.
_TOLERANCE = 5


class RunRecord:
    """Keeps the record of the run that holds the lock. An observer: errors of writing are ignored."""

    def __init__(self, descriptor: int | None, kind: str, started: float):
        """descriptor: of the lock file, or None without a lock. kind: as in RunStarted."""
        self._descriptor = descriptor
        self._values: dict[str, Any] = {"kind": kind, "started": started, "phase": "starting", "done": 0, "of": None}
        self._written = 0.0
        self._write()

    def notify(self, event: Any) -> None:
        counted = _COUNTED.get(type(event))
        if counted is not None:
            self._count_project(counted)
        elif isinstance(event, events.EvaluationStarted):
            if event.projects:
                self._begin_phase("evaluating", event.projects)
        elif isinstance(event, events.PlanMade):
            self._begin_phase("publishing", event.projects)
        elif isinstance(event, events.VerificationStarted):
            self._begin_phase("verifying", event.projects)
        elif isinstance(event, events.RunFinished):
            self._values.update(phase="ended", status=event.status)
            self._write()

    def _begin_phase(self, phase: str, of: int) -> None:
        self._values.update(phase=phase, done=0, of=of)
        self._write()

    def _count_project(self, phase: str) -> None:
        if self._values["phase"] != phase:
            return  # projects that are published while others are evaluated
        self._values["done"] += 1
        if time.monotonic() - self._written >= _PAUSE:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._descriptor is None:
            return
        line = json.dumps(self._values).ljust(_LENGTH) + "\n"
        with suppress(OSError):
            os.pwrite(self._descriptor, line.encode(), len(f" {os.getpid()}\n"))


class RecordedRun(NamedTuple):
    """A run as the lock file has it; None for what it has not."""

    pid: int
    kind: str | None = None
    started: float | None = None
    phase: str | None = None
    done: int | None = None
    of: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process exists, and is not a later one with the same number."""
        if self.phase == "ended":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (PermissionError, OverflowError):
            pass
        began = _process_start(self.pid)
        return began is None or self.started is None or began <= self.started + _TOLERANCE

    @property
    def was_interrupted(self) -> bool:
        """Whether it ended without finishing, as by a signal or a power cut."""
        return self.phase not in (None, "ended") and not self.is_running


def read(path: str) -> RecordedRun | None:
    """Return the run in a lock file; None if it has none. Raises PermissionError if it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return None
    try:
        first, _, rest = os.read(descriptor, _MOST).partition(b"\n")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if not first.strip().isdigit() or not 0 < (pid := int(first)) < 1 << 31:
        return None
    values = _parse_json(rest)
    return RecordedRun(pid, _get_typed(values, "kind", str), _get_typed(values, "started", int, float),
                       _get_typed(values, "phase", str), _get_typed(values, "done", int), _get_typed(values, "of", int))


def _get_typed(values: dict[str, Any], name: str, *kinds: type) -> Any:
    """Return a value if it has one of these types, else None."""
    value = values.get(name)
    return value if type(value) in kinds else None


def _parse_json(text: bytes) -> dict[str, Any]:
    """Return the values of a JSON object; empty if it is not valid."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _process_start(process: int) -> float | None:
    """Return when a process began, in seconds since 1970; None where there is no /proc."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:
            ticks = int(stream.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as stream:
            boot = next(int(line.split()[1]) for line in stream if line.startswith(b"btime "))
        return boot + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return None


class RecordedFailure(NamedTuple):
    """A run that failed before it had the lock."""

    when: float
    status: int
    error: str


def note_failure(folder: str, error: MirrorError) -> None:
    """Write a failure, if the directory of the state exists and belongs to this user; errors of writing are ignored.

    In a directory of another user, the file could hide later failures from its owner, who can't read it.
    """
    values = {"when": time.time(), "status": error.status, "error": str(error)[:_LONGEST]}
    with suppress(OSError):
        if os.stat(folder).st_uid != os.geteuid():
            return
        atomic_file.replace(os.path.join(folder, FAILURE), json.dumps(values).encode(), 0o600)


def forget_failure(folder: str) -> None:
    """Remove the failure, after a run has begun."""
    with suppress(OSError):
        os.unlink(os.path.join(folder, FAILURE))


def read_failure(folder: str) -> RecordedFailure | None:
    """Return the failure, or None. Raises PermissionError if it can't be read."""
    try:
        with open(os.path.join(folder, FAILURE), "rb") as stream:
            values = _parse_json(stream.read(_MOST))
    except PermissionError:
        raise
    except OSError:
        return None
    when, status = _get_typed(values, "when", int, float), _get_typed(values, "status", int)
    error = _get_typed(values, "error", str)
    return None if when is None or error is None else RecordedFailure(when, status or 1, error)
