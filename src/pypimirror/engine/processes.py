"""The work in processes of their own, one for each core, from the first task on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from operator import length_hint
from typing import Any

from zope.interface import implementer

from ..interfaces import IEngine, IRunContext
from .beyond import WorkerProcess
from .cores import cores
from .here import Here
from .many import SizedIterator
from .teams import Scheduler, Step


@implementer(IEngine)
class Processes:
    """Runs tasks in further processes; this one coordinates, and works only if they are gone."""

    def __init__(self, mirror: IRunContext):
        self._mirror = mirror
        self._teams = Scheduler(lambda arrived: Here(mirror, arrived))

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        tasks = iter(tasks)
        left = length_hint(tasks, -1)
        first = list(islice(tasks, 1))
        if not first:
            return  # no process is started for nothing
        if not self._teams.members:
            teams = min(cores(), self._mirror.workers)
            share = self._mirror.workers // teams
            with suppress(OSError, TypeError, ValueError):  # none can be started: then this process does the work
                for _ in range(teams):
                    self._teams.members.append(WorkerProcess(self._mirror, share, self._teams.arrived))
        again = chain(first, tasks)
        yield from self._teams.run(step, SizedIterator(again, left) if left >= 0 else again, self._mirror.needs)

    def close(self) -> None:
        self._teams.close()
