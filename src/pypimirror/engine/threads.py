"""The default engine: threads of this process, and of further ones in runs that are long and keep it busy.

Where upstream is near there is one process more than there are cores: each waits for upstream or Python's lock now and then.
Where it is far many threads wait in each, and that is enough.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Any

from zope.interface import implementer

from ..interfaces import IEngine, IRunContext
from .cores import cores
from .crew import hands
from .here import Here
from .teams import Scheduler, Step

#: Seconds that a run takes at least before another process is worth its start, and so many times as long for each one more.
LONG, _TIMES = 0.08, 4
#: So many tasks will be long enough.
_MANY = 100
#: Fewer requests at once are not worth a process.
SHARE = 8
#: Share of a processor that this process is going to use, so that another one will help.
_BUSY = 0.7
#: Seconds to wait for requests that are under way, before it is looked whether anybody still waits for that.
_PATIENCE = 0.1


@implementer(IEngine)
class Threads:
    """Runs as many tasks at once as pay."""

    def __init__(self, mirror: IRunContext):
        self._mirror = mirror
        self._teams = Scheduler(lambda arrived: Here(mirror, arrived))
        #: Requests under way at once, of all processes together.
        self._workers = mirror.workers
        #: By the clock, and by that of the processor.
        self._began = 0.0, 0.0
        #: How many processes there may be, this one included, how many more may come, and the seconds until the next one.
        self._most, self._to_come, self._long = 1, 0, LONG
        self._lock = threading.Lock()

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        if not self._teams.members:  # the first run, or the first after one that was given up
            self._began = time.monotonic(), time.process_time()
            self._most = max(1, min(cores() + 1, self._workers // SHARE)) if cores() > 1 else 1
            self._to_come, self._long = self._most - 1, LONG
            self._mirror.bound(self._workers)
        if self._long == LONG and length_hint(tasks) >= _MANY:
            self._long = 0.0  # the first one may come at once
        yield from self._teams.run(step, tasks, self._mirror.needs, self._grow)

    def close(self) -> None:
        self._teams.close()

    def _grow(self) -> None:
        """Start a further process if the run has been long for a while, and is going to be busy."""
        if not self._to_come:
            return
        passed = time.monotonic() - self._began[0]
        number = self._most - self._to_come + 1
        if passed < self._long or (number > cores() and self._mirror.crew.open >= SHARE):
            return
        # What all hands would use, if each does as much as those that are at work so far.
        used = (time.process_time() - self._began[1]) * hands(self._workers) / self._mirror.crew.open
        if used < _BUSY * passed:
            self._began = time.monotonic(), time.process_time()
            return
        from .beyond import WorkerProcess  # few runs need it

        self._to_come -= 1
        self._long = max(self._long, LONG) * _TIMES
        share = self._workers // max(number, min(cores(), self._most))
        try:
            self._teams.members.append(WorkerProcess(self._mirror, share, self._teams.arrived, self._handing_over(share)))
        except (OSError, TypeError, ValueError):
            self._to_come = 0  # no process can be started here, or not that many: it goes without

    def _handing_over(self, share: int) -> Callable[[], bool]:
        """Return a callable that hands the share over to a started process; it is called until it returns True."""
        lowered = False

        def handed_over() -> bool:
            nonlocal lowered
            if not lowered:
                lowered = True
                with self._lock:
                    self._mirror.bound(self._mirror.workers - share)
            return self._mirror.gate.settled(_PATIENCE)

        return handed_over
