"""The work in processes of their own, one for each core, from the first task on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import Any

from zope.interface import implementer

from ..interfaces import IEngine, IMirror
from .beyond import Beyond
from .cores import cores
from .here import Here
from .teams import Step, Teams


@implementer(IEngine)
class Processes:
    """Runs tasks in further processes; this one coordinates, and works only if they are gone."""

    def __init__(self, mirror: IMirror):
        self._mirror = mirror
        self._teams = Teams(lambda arrived: Here(mirror, arrived))

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        tasks = iter(tasks)
        first = list(islice(tasks, 1))
        if not first:
            return  # no process is started for nothing
        if not self._teams.members:
            teams = min(cores(), self._mirror.workers)
            share = self._mirror.workers // teams
            with suppress(OSError, TypeError, ValueError):  # none can be started: then this process does the work
                for _ in range(teams):
                    self._teams.members.append(Beyond(self._mirror, share, self._teams.arrived))
        yield from self._teams.run(step, chain(first, tasks), self._mirror.needs)

    def close(self) -> None:
        self._teams.close()
