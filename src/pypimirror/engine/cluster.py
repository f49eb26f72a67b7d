"""A team of all the workers of a Dask cluster, which may come and go."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from socket import gethostname
from typing import Any, NamedTuple

from distributed import KilledWorker

from ..errors import ConfigurationError, MirrorError
from ..interfaces import IRunContext
from ..model import RequiredReleases
from ..names import OWN
from .dask import in_one_line
from .here import Here
from .remote import Done, Order, prepare, settle, work
from .teams import GONE, RAISED, Message, Step

#: Seconds between two looks at who the workers are, and without any before the work is done without them.
LOOK, PATIENCE = 1.0, 60.0


class _Given(NamedTuple):
    """A batch of tasks that the scheduler was given."""

    number: int
    step: Step
    task: Any
    future: Any


class Cluster:
    """Hands tasks to the scheduler, so many at once that no worker waits for the coordinator."""

    def __init__(self, mirror: IRunContext, client: Any, arrived: SimpleQueue[Any]):
        """client: of ``distributed``. Raises ConfigurationError for workers that can't do the work."""
        self._mirror, self._client, self._arrived = mirror, client, arrived
        self._address = mirror.settings["scheduler"]
        self._settings = pickle.dumps(mirror.settings)
        self._needs = pickle.dumps(mirror.needs)
        self._started = bool(mirror.storage.listdir(OWN))
        self._futures: dict[int, Any] = {}
        self._finished: SimpleQueue[_Given | None] = SimpleQueue()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._here: Here | None = None
        #: By address of a worker: how many threads it has.
        self._threads: Mapping[str, int] = client.nthreads()
        for worker, answer in client.run(prepare, self._order, on_error="return").items():
            if isinstance(answer, BaseException):
                raise ConfigurationError(f"scheduler = {self._address}: the worker at {worker}: {in_one_line(answer)}")
        for work_on in (self._watch, self._gather):
            threading.Thread(target=work_on, name="pypimirror-cluster", daemon=True).start()

    @property
    def room(self) -> int:
        room = 2 * sum(self._threads.values()) + 2
        # A worker lets one request through at least: where there are more of them than requests may be under way, so many work.
        return min(room, self._mirror.workers) if len(self._threads) > self._mirror.workers else room

    def need(self, needs: RequiredReleases) -> None:
        self._needs = pickle.dumps(needs)

    def give(self, number: int, step: Step, task: Any) -> None:
        try:
            future = self._client.submit(work, self._order, step, task, pure=False, retries=0)
        except Exception:
            return self._lost()  # the scheduler is
        self._futures[number] = future
        given = _Given(number, step, task, future)
        future.add_done_callback(lambda _: self._finished.put(given))

    def close(self) -> None:
        self._closed.set()
        self._finished.put(None)
        with suppress(Exception):  # the scheduler is gone, or workers are
            self._client.cancel(list(self._futures.values()))
            self._client.run(settle, self._mirror.settings["mirror_file_path"], on_error="ignore")
        self._futures.clear()
        if self._here is not None:
            self._here.close()

    @property
    def _order(self) -> Order:
        share = max(1, self._mirror.workers // max(1, len(self._threads)))
        return Order(type(self._mirror), self._mirror.settings["mirror_file_path"], self._settings, self._needs, share,
                     self._started, gethostname())

    def _gather(self) -> None:
        """Take what comes of tasks, all that is there at once: each look at a worker takes its time."""
        while (given := self._finished.get()) is not None:
            ready = [given]
            with suppress(Empty):
                while (given := self._finished.get_nowait()) is not None:
                    ready.append(given)
            whole = [given for given in ready if given.future.status == "finished"]
            try:
                # Never for nothing: a scheduler that is gone would be waited for.
                values = self._client.gather([given.future for given in whole]) if whole else []
                results = {given.number: value for given, value in zip(whole, values, strict=True)}
            except Exception:
                results = {}  # one of them has it; each is asked for by itself
            for one in ready:
                self._take(one, results)
            if self._closed.is_set():
                return

    def _take(self, given: _Given, results: Mapping[int, Done]) -> None:
        number, _, _, future = given
        self._futures.pop(number, None)
        if self._closed.is_set():
            return
        try:
            done = results.get(number) or future.result()
        except KilledWorker:
            self._do_here(given)
        except Exception as error:
            if future.status == "error":
                why = f"scheduler = {self._address}: a worker can't do the work: {in_one_line(error)}"
                self._arrived.put(Message(self, RAISED, number, MirrorError(why)))
            else:
                self._lost()
        else:
            self._arrived.put(Message(self, done.kind, number, done.value, done.events))

    def _do_here(self, given: _Given) -> None:
        """Do a task that several workers died of."""
        if self._here is None:
            self._here = Here(self._mirror, _As(self, self._arrived))  # type: ignore[arg-type]
        self._here.give(given.number, given.step, given.task)

    def _watch(self) -> None:
        """Know who the workers are."""
        seen = time.monotonic()
        while not self._closed.wait(LOOK):
            try:
                threads = self._client.nthreads()
            except Exception:
                return self._lost()
            if threads:
                self._threads, seen = threads, time.monotonic()
            elif time.monotonic() - seen > PATIENCE:
                return self._lost()

    def _lost(self) -> None:
        """Say once that there is no cluster any more."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        self._arrived.put(Message(self, GONE, 0))


class _As:
    """A queue of what comes, put there in the name of a team."""

    def __init__(self, team: Cluster, arrived: SimpleQueue[Any]):
        self._team, self._arrived = team, arrived

    def put(self, came: Message) -> None:
        self._arrived.put(came._replace(team=self._team))
