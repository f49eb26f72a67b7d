"""A team of threads in a process of its own, on the same machine.

It has a mirror made from the same settings, so it needs nothing but these. It ends as soon as the coordinator does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from ..interfaces import IMirror
from ..model import Needs
from ..settings.values import Settings
from .teams import GONE, RAISED, Came, Step, fit_to_travel
from .told import do


class Beyond:
    """Threads of another process."""

    def __init__(self, mirror: IMirror, workers: int, arrived: SimpleQueue[Any]):
        self._arrived = arrived
        self._room = 2 * workers
        # Not by fork: threads of ours may hold locks at this moment.
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_main, args=(theirs, mirror.settings, mirror.needs, workers), name="pypimirror-worker", daemon=True)
        self._process.start()
        theirs.close()
        self._listener = threading.Thread(target=self._listen, name="pypimirror-listener", daemon=True)
        self._listener.start()

    @property
    def room(self) -> int:
        return self._room

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid or 0

    def need(self, needs: Needs) -> None:
        self._send((0, None, needs))

    def give(self, number: int, step: Step, task: Any) -> None:
        self._send((number, step, task))

    def close(self) -> None:
        self._process.terminate()
        self._process.join()
        self._listener.join()  # it has reached the end of the pipe
        self._ours.close()

    def _send(self, message: Any) -> None:
        with suppress(OSError):  # it is gone, as the listener will say
            self._ours.send(message)

    def _listen(self) -> None:
        try:
            while True:
                kind, number, value, told, self._room = self._ours.recv()
                self._arrived.put(Came(self, kind, number, value, told))
        except (EOFError, OSError):
            self._arrived.put(Came(self, GONE, 0))


def _main(connection: Connection, settings: Settings, needs: Needs, workers: int) -> None:
    """Work in the other process until the coordinator is gone."""
    from ..mirror import Mirror

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says when it is over
    mirror = Mirror(settings, needs, workers)
    lock = threading.Lock()

    def send(number: int, kind: str, value: Any, told: tuple[Any, ...]) -> None:
        if kind == RAISED:
            value = fit_to_travel(value)
        with lock:
            connection.send((kind, number, value, told, mirror.crew.room))

    with ThreadPoolExecutor(workers, "pypimirror") as pool:
        try:
            while True:
                number, step, task = connection.recv()
                if step is None:
                    mirror.need(task)
                else:
                    pool.submit(do, mirror, step, task, partial(send, number))
        except (EOFError, OSError):
            os._exit(0)  # nobody is left who would take note of what comes of the tasks under way
