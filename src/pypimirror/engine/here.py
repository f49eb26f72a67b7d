"""A team of threads of this process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from ..interfaces import IMirror
from ..model import Needs
from .teams import EVENTS, RAISED, RESULT, Came, Step
from .told import Told


class Here:
    """Threads: as many as ``workers``, and some more tasks than are worked on at once (see crew)."""

    def __init__(self, mirror: IMirror, arrived: SimpleQueue[Any]):
        self._mirror = mirror
        self._arrived = arrived
        self._pool = ThreadPoolExecutor(mirror.workers, "pypimirror")

    @property
    def room(self) -> int:
        # Some more than are worked on, so that no thread waits for the coordinator.
        return 2 * self._mirror.crew.open + 2

    def need(self, needs: Needs) -> None:
        """It is the coordinator's own mirror, which knows."""

    def give(self, number: int, step: Step, task: Any) -> None:
        self._pool.submit(self._do, number, step, task)

    def _do(self, number: int, step: Step, task: Any) -> None:
        told = Told(lambda events: self._arrived.put(Came(self, EVENTS, number, None, events)))
        try:
            with self._mirror.crew:
                result = step(self._mirror, task, told)
        except BaseException as error:
            self._arrived.put(Came(self, RAISED, number, error, told.rest()))
        else:
            self._arrived.put(Came(self, RESULT, number, result, told.rest()))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
