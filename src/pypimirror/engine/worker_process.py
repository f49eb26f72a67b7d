"""A process that runs tasks for the coordinator, on the same machine.

It makes a mirror from the same settings, so it needs nothing but these. It ends as soon as the coordinator does.
"""

from __future__ import annotations

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

from ..interfaces import IRunContext
from ..model import RequiredReleases
from .crew import Crew, GreenletCrew, computes, hands, make_crew
from .steps import Event, Raised, Step, picklable

#: How it is started: with the path of this process, since a script of buildout's sets it itself.
_START = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator ends it
import sys, json
sys.path[:] = json.loads(sys.argv[1])
from pypimirror.engine import worker_process
worker_process.main(sys.argv[2])
"""
#: Seconds for which it collects results, since each message wakes the coordinator.
_PATIENCE = 0.01
#: Seconds after which a process that does not end when it is told to is killed.
_GRACE = 5.0


class WorkerProcess:
    """The coordinator's side of a worker process. It has no room before the process is ready."""

    def __init__(self, mirror: IRunContext, workers: int):
        """workers: its share of the requests.

        Raises an exception if no process can be started, or if it can't be sent the mirror's settings.
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
            # Not by fork: threads may hold locks at this moment. Isolated: the current directory is not on its path.
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
        """Whether it takes so many tasks more, or, of a small share, as many as it can work on at once."""
        return 0 < self._most >= len(self._tasks) + min(tasks, self._most)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid if self._process is not None else 0

    def fileno(self) -> int:
        """Return the descriptor that is readable when ``receive`` has something to return."""
        return self._connection.fileno()

    def begin(self, step: Step, needs: RequiredReleases) -> None:
        """Expect tasks of a step."""
        if needs is not self._needs:
            self._needs = needs
            self._send((_NEEDS, needs))
        self._send((_STEP, step))

    def end(self) -> None:
        """Expect no more tasks of the step."""
        self._send((_END, None))

    def give(self, tasks: Sequence[Any]) -> None:
        """Have tasks done. If the process is gone, ``receive`` raises EOFError."""
        numbered = []
        for task in tasks:
            self._numbers += 1
            self._tasks[self._numbers] = task
            numbered.append((self._numbers, task))
        self._send((_TASKS, numbered))

    def receive(self) -> list[Any]:
        """Return what came, in order (see ``steps``).

        Raises EOFError, OSError if the process is gone, and any exception of a result that can't be made again.
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
        """End the process, and its tasks first, so that they leave nothing behind."""
        self._connection.close()
        if self._process is None:
            return
        if not self._most:  # it is still being started
            self._process.terminate()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_GRACE)
                return
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()

    def _send(self, message: Any) -> None:
        with suppress(OSError):  # the process is gone, which receive reports
            self._connection.send(message)


_NEEDS, _STEP, _TASKS, _END = "needs", "step", "tasks", "end"


def main(handle: str) -> None:
    """Work for the coordinator until it is gone. handle: of the connection to it."""
    os.set_inheritable(int(handle), False)  # a program that a plugin starts would keep it open
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
    """The other side of a worker process."""

    def __init__(self, mirror: IRunContext, connection: Connection[Any, Any]):
        self._mirror = mirror
        self._connection = connection
        self._crews: dict[bool, Crew] = {}
        self._results: list[tuple[int, Any]] = []
        #: A thread sends them, so that this one always reads and neither side can wait for the other.
        self._to_send: SimpleQueue[Any] = SimpleQueue()
        self._to_send.put(None)
        threading.Thread(target=self._send_all, daemon=True).start()

    def work(self) -> None:
        """Do as told."""
        while True:
            kind, value = self._connection.recv()
            if kind == _NEEDS:
                self._mirror.need(value)
            elif kind == _STEP:
                self._run(value)

    def abandon(self) -> None:
        """End the tasks, as far as they can be ended: threads can't."""
        signal.alarm(int(_GRACE))  # ends this process if that takes longer
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
            for number, task in value:
                crew.start(step, task, partial(self._arrived, crew, number))
        else:
            crew.loop.stop()

    def _arrived(self, crew: Crew, number: int, result: Any) -> None:
        if not self._results:
            crew.loop.events.call_later(_PATIENCE, self._flush)
        self._results.append((number, result))

    def _flush(self) -> None:
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
                except Exception:  # a result that can't be pickled, by a step that is not ours
                    self._connection.send([(number, picklable(result)) for number, result in message])
        except OSError:
            pass  # the coordinator is gone, which the other thread finds, too
        except BaseException:
            os._exit(1)  # it would wait for what is not sent


def _sendable(result: Any) -> Any:
    """Return a result as it is, unless it is an exception that can't be pickled and made again."""
    return picklable(result) if isinstance(result, Raised) else result
