"""A process that runs tasks for the coordinator, on the same machine.

It creates a mirror from the coordinator's settings, and ends when the coordinator does.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import Any

from .. import GARBAGE_THRESHOLDS
from ..interfaces import IRunContext
from ..model import RequiredReleases
from .crew import Crew, GreenletCrew, hands, make_crew
from .steps import Event, Raised, Step, computes, picklable

#: The process's program. It receives this process's ``sys.path``, which a script of buildout's may have changed.
_START = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator ends it
import sys, json
sys.path[:] = json.loads(sys.argv[1])
from pypimirror.engine import worker_process
worker_process.main(sys.argv[2])
"""
#: Seconds for which the process collects results, since each message wakes the coordinator.
_PATIENCE = 0.01
#: Number of tasks below which results are sent at once, so that the process gets new tasks before it runs out of them.
FEW = 8
#: Seconds between asking a process to end and killing it.
_GRACE = 5.0


class WorkerProcess:
    """The coordinator's side of a worker process. Has no room for tasks until the process is ready."""

    def __init__(self, mirror: IRunContext, workers: int):
        """workers: the process's share of the requests.

        Raises an exception if the process can't be started, or if the mirror's settings can't be pickled.
        """
        self.workers = workers
        self._most = 0
        self._hands = hands(workers)
        self._numbers = 0
        self._tasks: dict[int, Any] = {}
        self._needs: RequiredReleases | None = mirror.needs
        self._process: subprocess.Popen[bytes] | None = None
        self._connection, theirs = Pipe()
        try:
            # No fork, since threads may hold locks. Isolated (-I), so that the current directory is not on its path.
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-X", f"utf8={sys.flags.utf8_mode}", "-c", _START,
                     json.dumps([path for path in sys.path if isinstance(path, str)]), str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
            self._send((type(mirror), mirror.settings, mirror.needs, workers))
        except BaseException:
            self.close()
            raise

    def has_room(self, tasks: int) -> bool:
        """Whether the process takes this many more tasks, or, with a small share, as many as it can run concurrently."""
        return 0 < self._most >= len(self._tasks) + min(tasks, self._most)

    @property
    def pid(self) -> int:
        """The process ID; 0 before the start."""
        return self._process.pid if self._process is not None else 0

    def fileno(self) -> int:
        """Return the descriptor that is readable when ``receive`` has something to return."""
        return self._connection.fileno()

    def begin(self, step: Step, needs: RequiredReleases) -> None:
        """Prepare the process for tasks of a step."""
        if needs is not self._needs:
            self._needs = needs
            self._send((_NEEDS, needs))
        self._send((_STEP, step))

    def end(self) -> None:
        """End the step after its last task."""
        self._send((_END, None))

    def give(self, tasks: Sequence[Any]) -> None:
        """Send tasks to the process. If it has died, ``receive`` raises EOFError."""
        numbered = []
        for task in tasks:
            self._numbers += 1
            self._tasks[self._numbers] = task
            numbered.append((self._numbers, task))
        self._send((_TASKS, numbered))

    def receive(self) -> list[Any]:
        """Return events and results, in order (see ``steps``).

        Raises EOFError, OSError if the process has died, and any exception for a result that can't be unpickled.
        """
        message = self._connection.recv()
        if message is None:
            self._most = self._hands
            return []
        for number, result in message:
            if not isinstance(result, Event):
                del self._tasks[number]
        return [result for _, result in message]

    def unfinished(self) -> list[Any]:
        """Return the tasks that are not done."""
        return list(self._tasks.values())

    def close(self) -> None:
        """End the process. It ends its tasks first, so that they leave no temporary files."""
        self._connection.close()
        if self._process is None:
            return
        if not self._most:  # the process is still starting
            self._process.terminate()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_GRACE)
                return
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()

    def _send(self, message: Any) -> None:
        with suppress(OSError):  # the process has died, which ``receive`` reports
            self._connection.send(message)


_NEEDS, _STEP, _TASKS, _END = "needs", "step", "tasks", "end"


def main(handle: str) -> None:
    """Run tasks for the coordinator until it ends. handle: descriptor of the connection to it."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    os.set_inheritable(int(handle), False)  # otherwise a program that a plugin starts keeps the connection open
    connection: Connection[Any, Any] = Connection(int(handle))
    try:
        make, settings, needs, workers = connection.recv()
        worker = _Worker(make(settings, needs, workers), connection)
        try:
            worker.work()
        except (EOFError, OSError):
            worker.abandon()
    except (EOFError, OSError):
        pass
    except BaseException:
        traceback.print_exc()
    os._exit(1)  # the results of tasks under way have no receiver


class _Worker:
    """The worker's side of a worker process."""

    def __init__(self, mirror: IRunContext, connection: Connection[Any, Any]):
        self._mirror = mirror
        self._connection = connection
        self._crews: dict[bool, Crew] = {}
        self._results: list[tuple[int, Any]] = []
        #: Number of tasks without a result.
        self._under_way = 0
        #: Messages for the sending thread. The main thread only reads, so that the two processes can't deadlock.
        self._to_send: SimpleQueue[Any] = SimpleQueue()
        self._to_send.put(None)
        threading.Thread(target=self._send_all, daemon=True).start()

    def work(self) -> None:
        """Handle the coordinator's messages."""
        while True:
            kind, value = self._connection.recv()
            if kind == _NEEDS:
                self._mirror.need(value)
            elif kind == _STEP:
                self._run(value)

    def abandon(self) -> None:
        """End the tasks in greenlets; those in threads can't be interrupted."""
        signal.alarm(int(_GRACE))  # ends this process if this takes longer
        for crew in self._crews.values():
            if isinstance(crew, GreenletCrew):
                crew.close()

    def _run(self, step: Step) -> None:
        """Run tasks of a step until there are no more."""
        computing = computes(step)
        if computing not in self._crews:
            self._crews[computing] = make_crew(self._mirror, computing)
        crew = self._crews[computing]
        events = crew.loop.events
        events.add_reader(self._connection.fileno(), self._read, crew, step)
        crew.loop.run()
        events.remove_reader(self._connection.fileno())

    def _read(self, crew: Crew, step: Step) -> None:
        kind, value = self._connection.recv()  # an exception, such as EOFError, ends the process
        if kind == _TASKS:
            self._under_way += len(value)
            for number, task in value:
                crew.start(step, task, partial(self._arrived, crew, number))
        else:
            crew.loop.stop()

    def _arrived(self, crew: Crew, number: int, result: Any) -> None:
        if not self._results:
            crew.loop.events.call_later(_PATIENCE, self._flush)
        self._results.append((number, result))
        self._under_way -= not isinstance(result, Event)
        if self._under_way < FEW and not isinstance(result, Event):
            self._flush()

    def _flush(self) -> None:
        if self._results:
            results, self._results = self._results, []
            self._to_send.put(results)

    def _send_all(self) -> None:
        try:
            while True:
                message = self._to_send.get()
                try:
                    self._connection.send(message and [(number, _sendable(result)) for number, result in message])
                except OSError:
                    raise
                except Exception:  # a result that can't be pickled, such as one of a plugin's step
                    self._connection.send([(number, picklable(result)) for number, result in message])
        except OSError:
            pass  # the coordinator has ended, which the main thread detects, too
        except BaseException:
            os._exit(1)  # otherwise the coordinator waits for results that are not sent


def _sendable(result: Any) -> Any:
    """Return a result; an exception that can't be pickled and unpickled becomes a Raised with its traceback as text."""
    return picklable(result) if isinstance(result, Raised) else result
