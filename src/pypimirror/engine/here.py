"""A team of threads of this process."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

from ..interfaces import IRunContext
from ..model import RequiredReleases
from .crew import hands
from .teams import Message, Step
from .told import do


class Here:
    """Threads: as many as may be at work (see ``crew``)."""

    def __init__(self, mirror: IRunContext, arrived: SimpleQueue[Any]):
        from concurrent.futures import ThreadPoolExecutor  # not loaded where nothing changed

        self._mirror = mirror
        self._arrived = arrived
        self._pool = ThreadPoolExecutor(hands(mirror.workers), "pypimirror")

    @property
    def room(self) -> int:
        return self._mirror.crew.room

    def need(self, needs: RequiredReleases) -> None:
        """It is the coordinator's own mirror, which knows."""

    def give(self, number: int, step: Step, task: Any) -> None:
        self._pool.submit(self._do, number, step, task)

    def _do(self, number: int, step: Step, task: Any) -> None:
        do(self._mirror, step, task, lambda kind, value, told: self._arrived.put(Message(self, kind, number, value, told)))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
