"""The engines for one machine: this process and worker processes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from ..interfaces import IEngine, IRunContext
from .steps import Event, Raised, Returned, Step, computes, cores

if TYPE_CHECKING:
    from .crew import Crew
    from .worker_process import WorkerProcess

#: Seconds for which results are collected before they are yielded, since stopping the loop costs as much as a small file.
_PATIENCE = 0.02
#: Maximum seconds between two checks for new tasks.
_WHILE = 0.5
#: Minimum seconds of a run before another process is started.
LONG = 0.1
#: Minimum number of concurrent requests per process.
SHARE = 8
#: Minimum processor usage of this process for another one to be useful.
BUSY = 0.7
#: Number of tasks per message to another process.
_CHUNK = 8


@implementer(IEngine)
class Threads:
    """Runs tasks in this process; if a long run keeps it busy, also in worker processes, up to one per processor."""

    def __init__(self, mirror: IRunContext):
        self._mirror = mirror
        self._workers = mirror.workers
        #: Crews by whether they are for steps that compute.
        self._crews: dict[bool, Crew] = {}
        self._processes: list[WorkerProcess] = []
        #: Number of processes that may still be started.
        self._to_come = 0
        #: Clock and processor time of this process at the start of the measurement.
        self._began = 0.0, 0.0
        #: The current run.
        self._run: _Run | None = None

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        if self._run is not None:  # a run that was abandoned, such as a generator that was not exhausted
            self.close()
        computing = computes(step)
        if not self._crews:  # the first run, or the first after an abandoned one
            self._to_come = self._most_processes() - 1
            self._began = time.monotonic(), time.process_time()
            self._share_out()
        if computing not in self._crews:
            from .crew import make_crew  # not loaded where nothing changed

            self._crews[computing] = make_crew(self._mirror, computing)
        run = self._run = _Run(self._mirror, self._crews[computing], self._processes, step, tasks)
        whole = False
        try:
            run.begin()
            self._prepare(run)
            while run.goes_on():
                for result in run.results():
                    if isinstance(result, Raised):
                        raise result.error
                    yield result.value
                self._share_out()
                self._grow(run)
            whole = True
        finally:
            if self._run is run:
                if whole:
                    run.end()
                    self._run = None
                else:
                    self.close()

    def close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.give_up()
        while self._processes:
            self._processes.pop().close()
        while self._crews:
            self._crews.popitem()[1].close()

    def _most_processes(self) -> int:
        return max(1, min(cores(), self._workers // SHARE))

    def _share_out(self) -> None:
        """Limit this process to the requests that the other processes leave."""
        left = max(1, self._workers - sum(process.workers for process in self._processes))
        if left != self._mirror.workers:
            self._mirror.bound(left)

    def _prepare(self, run: _Run) -> None:
        """Start processes that are needed before the first task."""

    def _grow(self, run: _Run) -> None:
        """Start another process if the run is long and keeps this one busy."""
        if not self._to_come or run.is_drawn:
            return
        passed = time.monotonic() - self._began[0]
        if passed < LONG:
            return
        used = time.process_time() - self._began[1]
        self._began = time.monotonic(), time.process_time()
        if used >= BUSY * passed:
            self._start(run, self._workers // self._most_processes())

    def _start(self, run: _Run, share: int) -> None:
        from .worker_process import WorkerProcess  # loaded only if needed

        try:
            process = WorkerProcess(self._mirror, share)
        except Exception:  # the system refuses to start a process, or the settings can't be pickled
            self._to_come = 0
            return
        self._to_come -= 1
        self._processes.append(process)
        self._share_out()
        run.add(process)


@implementer(IEngine)
class Processes(Threads):
    """Runs all tasks in worker processes, up to one per processor; this process runs tasks only without them."""

    def _prepare(self, run: _Run) -> None:
        if not self._processes and run.has_tasks():
            number = self._to_come = max(1, min(cores(), self._workers))
            for _ in range(number):
                if self._to_come:
                    self._start(run, self._workers // number)
        run.works_here = not self._processes


class _Run:
    """One run of a step over tasks."""

    def __init__(self, mirror: IRunContext, crew: Crew, processes: list[WorkerProcess], step: Step, tasks: Iterable[Any]):
        """processes: the engine's list, from which processes that have died are removed."""
        self._mirror = mirror
        self._crew = crew
        self._step = step
        self._tasks = iter(tasks)
        #: Tasks to be started before further ones are drawn: the first one, and those of processes that have died.
        self._again: deque[Any] = deque()
        self._results: deque[Event | Returned | Raised] = deque()
        self._under_way = 0
        self._is_stopping = self._is_over = False
        self._processes = processes
        self.works_here = True
        #: Whether all tasks have been drawn.
        self.is_drawn = False

    def begin(self) -> None:
        """Connect the crew and the processes to this run."""
        self._crew.finished = self._one_finished
        for process in self._processes:
            self.add(process)

    def add(self, process: WorkerProcess) -> None:
        """Let a process of the engine take part in this run."""
        process.begin(self._step, self._mirror.needs)
        self._crew.loop.events.add_reader(process.fileno(), self._receive, process)

    def end(self) -> None:
        """End the run after its last task."""
        self.give_up()
        for process in self._processes:
            process.end()

    def give_up(self) -> None:
        """Abandon the run: ignore further results."""
        self._is_over = True
        self._crew.finished = lambda: None
        for process in self._processes:
            self._crew.loop.events.remove_reader(process.fileno())

    def has_tasks(self) -> bool:
        """Whether there is any task."""
        task = self._draw()
        if not self.is_drawn:
            self._again.append(task)
        return not self.is_drawn

    def goes_on(self) -> bool:
        """Run tasks until there are results, or for a while; return False if there are neither tasks nor results left.

        There may be new tasks after a while.
        """
        self._fill()
        if self._is_unfinished() and not self._results:
            self._is_stopping = False
            timer = self._crew.loop.events.call_later(_WHILE, self._crew.loop.stop)
            self._crew.loop.run()
            timer.cancel()
        return bool(self._results) or self._is_unfinished()

    def _is_unfinished(self) -> bool:
        """Whether tasks are running or still have to be started."""
        return bool(self._under_way or self._again or not self.is_drawn)

    def results(self) -> Iterator[Event | Returned | Raised]:
        """Yield the results so far."""
        while self._results:
            yield self._results.popleft()

    def _draw(self) -> Any:
        if self._again:
            return self._again.popleft()
        task = next(self._tasks, _NONE)
        self.is_drawn = task is _NONE
        return task

    def _fill(self) -> None:
        """Start tasks wherever there is room."""
        for process in self._processes:
            while process.has_room(_CHUNK) and self._mirror.limiter.is_within:
                chunk = list(islice(iter(self._draw, _NONE), _CHUNK))
                if not chunk:
                    return
                self._under_way += len(chunk)
                process.give(chunk)
        while self.works_here and self._crew.room > 0:
            task = self._draw()
            if task is _NONE:
                return
            self._under_way += 1
            self._crew.start(self._step, task, self._arrived)

    def _arrived(self, result: Event | Returned | Raised) -> None:
        if self._is_over:
            return
        self._results.append(result)
        if not self._is_stopping:
            self._is_stopping = True
            self._crew.loop.events.call_later(_PATIENCE, self._crew.loop.stop)

    def _one_finished(self) -> None:
        self._under_way -= 1
        self._next()

    def _next(self) -> None:
        """Start further tasks; stop if all are done."""
        try:
            self._fill()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # raised by the iterator of tasks
            self._arrived(Raised(error))
        if not self._is_unfinished():
            self._crew.loop.stop()

    def _receive(self, process: WorkerProcess) -> None:
        """Receive the results of a process."""
        try:
            results = process.receive()
        except Exception:  # EOFError, OSError: the process has died; others: a result that can't be unpickled
            self._lost(process)
            return
        for result in results:
            self._under_way -= not isinstance(result, Event)
            self._arrived(result)
        self._next()

    def _lost(self, process: WorkerProcess) -> None:
        """Restart the tasks of a process that has died."""
        self._crew.loop.events.remove_reader(process.fileno())
        self._processes.remove(process)
        process.close()
        left = process.unfinished()
        self._under_way -= len(left)
        self._again.extend(left)
        self.works_here = self.works_here or not self._processes
        self._next()


_NONE: Any = object()
