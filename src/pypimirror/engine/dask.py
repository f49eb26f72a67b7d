"""The engine for a Dask cluster, with futures of ``distributed``; only the coordinator writes the state."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from queue import Empty, SimpleQueue
from socket import gethostname
from typing import Any, NamedTuple

from zope.interface import implementer

from ..errors import ConfigurationError, MirrorError
from ..interfaces import IEngine, IRunContext
from ..names import OWN
from .cluster import connected, in_one_line
from .local import Threads
from .remote import Done, Order, prepare, settle, work
from .steps import Raised, Step

#: Seconds between two queries for workers, and without workers until this process takes over.
LOOK, PATIENCE = 1.0, 60.0
#: Timeout in seconds for closing the connection to a scheduler that may not respond.
_GOODBYE = 2
#: Target seconds and maximum number of the tasks in one message: a message costs as much as a short task.
_SECONDS, _MOST = 0.05, 32


class _Given(NamedTuple):
    """Tasks that were sent to the scheduler."""

    tasks: tuple[Any, ...]
    future: Any


@implementer(IEngine)
class Dask:
    """Runs tasks in the workers of a cluster; this process runs them only if the cluster is lost."""

    def __init__(self, mirror: IRunContext):
        """Raises ConfigurationError if the scheduler can't be reached or has no workers; ImportError without the extra."""
        self._mirror = mirror
        self._address = mirror.settings["scheduler"]
        self._client = connected(mirror.settings)
        self._settings = pickle.dumps(mirror.settings)
        self._needs = b""
        self._is_started = self._is_prepared = self._is_lost = False
        self._local = Threads(mirror)
        #: Number of threads by the address of a worker.
        self._threads: dict[str, int] = {}
        #: Time of the last query for workers, and of the last one that found any.
        self._looked = self._seen = 0.0

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        source = iter(tasks)
        again: deque[Any] = deque()
        if not self._is_lost:
            yield from self._on_cluster(step, source, again)
        yield from self._local.run(step, chain(again, source))

    def close(self) -> None:
        if self._is_prepared:
            with suppress(Exception):  # the scheduler or a worker has ended
                self._client.run(settle, self._mirror.settings["mirror_file_path"], on_error="ignore")
        self._local.close()
        self._client.close(timeout=_GOODBYE)

    def _on_cluster(self, step: Step, source: Iterator[Any], again: deque[Any]) -> Iterator[Any]:
        """Run tasks on the cluster until it is lost. again: receives the tasks that this process has to run."""
        order = self._prepared()
        given: dict[str, _Given] = {}
        finished: SimpleQueue[str] = SimpleQueue()
        size = 1
        try:
            while True:
                while len(given) < self._room and (batch := tuple(islice(source, size))):
                    try:
                        future = self._client.submit(work, order, step, batch, pure=False, retries=0)
                    except Exception:  # the scheduler has ended
                        again.extend(batch)
                        self._is_lost = True
                        return
                    given[future.key] = _Given(batch, future)
                    future.add_done_callback(lambda future: finished.put(future.key))
                if not given:
                    return
                ready = self._wait(finished)
                if self._is_lost:
                    return
                order = self._order()
                for key, done in self._gather_results({key: given[key] for key in ready}).items():
                    tasks = given.pop(key).tasks
                    if done is None:
                        again.extend(tasks)
                        continue
                    size = max(1, min(_MOST, int(len(tasks) * _SECONDS / max(done.seconds, 0.001))))
                    for result in done.results:
                        if isinstance(result, Raised):
                            raise result.error
                        yield result.value
        finally:
            again.extend(chain.from_iterable(one.tasks for one in given.values()))
            with suppress(Exception):
                self._client.cancel([one.future for one in given.values()])

    def _prepared(self) -> Order:
        """Let the workers create their mirrors; return the order for them. Raises ConfigurationError."""
        self._needs = pickle.dumps(self._mirror.needs)
        self._is_started = bool(self._mirror.storage.listdir(OWN))
        self._seen = time.monotonic()
        self._look()
        order = self._order()
        if not self._is_prepared:
            for worker, answer in self._client.run(prepare, order, on_error="return").items():
                if isinstance(answer, BaseException):
                    raise ConfigurationError(f"scheduler = {self._address}: the worker at {worker}: {in_one_line(answer)}")
            self._is_prepared = True
        return order

    def _order(self) -> Order:
        mirror = self._mirror
        return Order(type(mirror), mirror.settings["mirror_file_path"], self._settings, self._needs,
                     max(1, mirror.workers // max(1, len(self._threads))), self._is_started, gethostname())

    @property
    def _room(self) -> int:
        """Number of messages that keep the workers busy."""
        room = 2 * sum(self._threads.values()) + 2
        # Each worker may send at least one request: with more workers than allowed requests, only some of them get tasks.
        return min(room, self._mirror.workers) if len(self._threads) > self._mirror.workers else room

    def _wait(self, finished: SimpleQueue[str]) -> list[str]:
        """Wait for futures and return the keys of those that are done; none after a timeout. Updates the workers regularly."""
        ready: list[str] = []
        with suppress(Empty):
            ready.append(finished.get(timeout=LOOK))
            while True:
                ready.append(finished.get_nowait())
        if not ready or time.monotonic() - self._looked > LOOK:
            self._look()
        return ready

    def _look(self) -> None:
        """Update the workers. Without a scheduler, or without workers for ``PATIENCE`` seconds, the cluster is lost."""
        self._looked = time.monotonic()
        try:
            self._threads = dict(self._client.nthreads())
        except Exception:
            self._threads, self._seen = {}, 0.0
        if self._threads:
            self._seen = time.monotonic()
        self._is_lost = time.monotonic() - self._seen > PATIENCE

    def _gather_results(self, ready: dict[str, _Given]) -> dict[str, Done | None]:
        """Return the results of futures that are done; None for tasks that this process has to run. Raises MirrorError."""
        whole = [key for key, one in ready.items() if one.future.status == "finished"]
        try:
            # Not without futures: ``gather`` would wait for a scheduler that has ended.
            values = self._client.gather([ready[key].future for key in whole]) if whole else []
            found: dict[str, Done | None] = dict(zip(whole, values, strict=True))
        except Exception:
            found = {}  # one of them has failed: get each result separately
        return {key: found[key] if key in found else self._result(one.future) for key, one in ready.items()}

    def _result(self, future: Any) -> Done | None:
        from distributed import KilledWorker

        try:
            done: Done = future.result()
            return done
        except KilledWorker:
            return None  # several workers died while they ran it
        except Exception as error:
            if future.status == "error":
                raise MirrorError(f"scheduler = {self._address}: a worker can't do the work: {in_one_line(error)}") from error
            self._is_lost = True
            return None
