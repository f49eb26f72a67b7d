"""A team of threads in a process of its own, on the same machine.

It has a mirror made from the same settings, so it needs nothing but these. It ends as soon as the coordinator does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import Any

from ..interfaces import IRunContext
from ..model import RequiredReleases
from .crew import hands
from .teams import EVENTS, GONE, RAISED, Message, Step, fit_to_travel
from .told import do

#: What the process is started with: the path of ours, since a script of buildout's sets it itself.
_START = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says when it is over
import sys, json
sys.path[:] = json.loads(sys.argv[1])
from pypimirror.engine import beyond
beyond.main(sys.argv[2])
"""


class WorkerProcess:
    """Threads of another process. It has no room for tasks until it is there."""

    def __init__(self, mirror: IRunContext, workers: int, arrived: SimpleQueue[Any], ready: Callable[[], bool] = lambda: True):
        """workers: its share. ready: asked, by another thread, when the process is there, until it says that it may begin.

        Raises OSError, ValueError, TypeError where no process can be started.
        """
        self._arrived, self._ready = arrived, ready
        self._room = 0
        self._closed = False
        self._ours, theirs = Pipe()
        # Not by fork: threads of ours may hold locks at this moment. Isolated: what lies in this directory is none of ours.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", f"utf8={sys.flags.utf8_mode}", "-c", _START,
             json.dumps([path for path in sys.path if isinstance(path, str)]), str(theirs.fileno())],
            pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
        theirs.close()
        self._send((type(mirror), mirror.settings, mirror.needs, workers, mirror.crew.open))
        self._listener = threading.Thread(target=self._listen, name="pypimirror-listener", daemon=True)
        self._listener.start()

    @property
    def room(self) -> int:
        return self._room

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def need(self, needs: RequiredReleases) -> None:
        self._send((0, None, needs))

    def give(self, number: int, step: Step, task: Any) -> None:
        self._send((number, step, task))

    def close(self) -> None:
        self._closed = True
        self._process.terminate()
        self._process.wait()
        self._listener.join()  # it has reached the end of the pipe, or asks no more

    def _send(self, message: Any) -> None:
        with suppress(OSError):  # it is gone, as the listener will say
            self._ours.send(message)

    def _listen(self) -> None:
        try:
            room = self._ours.recv()
            while not self._ready():
                if self._closed:
                    return
            self._room = room
            self._arrived.put(Message(self, EVENTS, 0))
            while True:
                kind, number, value, told, self._room = self._ours.recv()
                self._arrived.put(Message(self, kind, number, value, told))
        except (EOFError, OSError):
            self._arrived.put(Message(self, GONE, 0))
        finally:
            self._process.wait()
            self._ours.close()


def main(handle: str) -> None:
    """Work in the other process until the coordinator is gone. handle: of the connection to it."""
    connection: Connection[Any, Any] = Connection(int(handle))
    try:
        make, settings, needs, workers, at_work = connection.recv()
    except (EOFError, OSError):
        return
    mirror = make(settings, needs, workers)
    mirror.crew.begin(at_work)
    lock = threading.Lock()

    def send(number: int, kind: str, value: Any, told: tuple[Any, ...]) -> None:
        if kind == RAISED:
            value = fit_to_travel(value)
        with lock:
            try:
                connection.send((kind, number, value, told, mirror.crew.room))
            except OSError:
                raise
            except Exception as error:  # a result that can't be sent, by a step that is not ours
                connection.send((RAISED, number, fit_to_travel(error), (), mirror.crew.room))

    with ThreadPoolExecutor(hands(workers), "pypimirror") as pool:
        try:
            connection.send(mirror.crew.room)
            while True:
                number, step, task = connection.recv()
                if step is None:
                    mirror.need(task)
                else:
                    pool.submit(do, mirror, step, task, partial(send, number))
        except (EOFError, OSError):
            os._exit(0)  # nobody is left who would take note of what comes of the tasks under way
