"""Distributes tasks to teams of workers, short ones in batches, and yields the results."""

from __future__ import annotations

import pickle
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from operator import length_hint
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from ..interfaces import IRunContext
from ..model import RequiredReleases

Step = Callable[[IRunContext, Any, Callable[[Any], None]], Any]
#: What comes back of a batch: what is told on the way, results among it; that it has ended, with what ``each`` returned; what
#: a task raised. And: the whole team is gone.
EVENTS, RESULT, RAISED, GONE = "events", "result", "raised", "gone"
#: Seconds that a batch may take: of tasks that compute, and of those that wait, which others had better do beside them.
_BUSY, _WAITING = 0.05, 0.01
#: The most tasks in a batch.
_MOST = 64
#: Tasks compute if that takes so much of their time; the rest is waiting, be it for a processor.
_SHARE = 1 / 3


class Message(NamedTuple):
    """What a team sends to the queue ``arrived``."""

    team: Team
    kind: str
    #: That of the batch; 0 for ``gone``, and where a team says that it has room now.
    number: int
    value: Any = None
    #: What was told since the last message, in order.
    events: tuple[Any, ...] = ()


class Batch(NamedTuple):
    """Tasks that one worker does one after the other: handing over a short one costs as much as doing it."""

    step: Step
    tasks: tuple[Any, ...]


class Result(NamedTuple):
    """Result of one task; sent like an event."""

    value: Any


def each(mirror: IRunContext, batch: Batch, emit: Callable[[Any], None]) -> int:
    """Do the tasks of a batch, only the first ones if they are long; return how many like them a batch should have."""
    began, before, done = time.monotonic(), time.thread_time(), 0
    passed = limit = 0.0
    while done < len(batch.tasks) and passed <= 2 * limit:
        emit(Result(batch.step(mirror, batch.tasks[done], emit)))
        done += 1
        passed = time.monotonic() - began
        limit = _BUSY if time.thread_time() - before > _SHARE * passed else _WAITING
    return max(1, int(min(limit / max(passed / done, limit / _MOST), _MOST)))


class Team(Protocol):
    """Workers that do tasks one beside the other."""

    @property
    def room(self) -> int:
        """As many batches keep it busy; 0 as long as it can do nothing. When it can, it sends ``events``, of no task."""

    def need(self, needs: RequiredReleases) -> None:
        """Take note of other needs, while no task is under way."""

    def give(self, number: int, step: Step, task: Any) -> None:
        """Have a batch done. Never fails: if the team is gone, ``gone`` says so."""

    def close(self) -> None:
        """Stop, with or without tasks under way."""


class Scheduler:
    """The teams of one engine."""

    def __init__(self, reserve: Callable[[SimpleQueue[Message]], Team]):
        """reserve: makes the team that does the work where there is no other one."""
        self._reserve = reserve
        self.arrived: SimpleQueue[Message] = SimpleQueue()
        self.members: list[Team] = []
        self._numbers = 0
        self._needs: RequiredReleases | None = None

    def run(self, step: Step, tasks: Iterable[Any], needs: RequiredReleases,
            watch: Callable[[], None] = lambda: None) -> Iterator[Any]:
        """Yield what comes of the tasks (IEngine.run). Tasks of a team that is gone are done by others.

        watch: called now and then while there are tasks that nobody was given; it may add members.
        """
        for team in self.members if needs is not self._needs else ():
            team.need(needs)
        self._needs = needs
        waiting = iter(tasks)
        again: deque[Any] = deque()
        #: By team and number of a batch: its tasks that are not done.
        held: dict[Team, dict[int, deque[Any]]] = {}
        size, drawn = 1, False

        def hand_out() -> None:
            nonlocal drawn
            if not self.members:
                self.members.append(self._reserve(self.arrived))
            for team in self.members:
                mine = held.setdefault(team, {})
                while len(mine) < team.room:
                    batch = tuple(islice(chain(_drained(again), waiting), self._some(size, waiting)))
                    if not batch:
                        drawn = True
                        return
                    self._numbers += 1
                    mine[self._numbers] = deque(batch)
                    team.give(self._numbers, each, Batch(step, batch))

        try:
            hand_out()
            while any(held.values()) or again or not drawn:
                came = self.arrived.get()
                mine = held.get(came.team, {})
                if came.kind == GONE:
                    if came.team not in self.members:
                        continue  # closed with a run that was given up
                    self.members.remove(came.team)
                    again.extend(chain.from_iterable(held.pop(came.team, {}).values()))
                    hand_out()
                    continue
                left = mine.get(came.number)
                if left is None:
                    hand_out()  # to a team that is there now
                    continue  # or it is of a run that was given up, or of a task that raised
                results = sum(isinstance(item, Result) for item in came.events)
                for _ in range(results):
                    left.popleft()
                if came.kind != EVENTS:
                    del mine[came.number]
                for item in came.events:
                    yield item.value if isinstance(item, Result) else item
                if came.kind == RAISED:
                    raise came.value
                if came.kind == RESULT:
                    again.extend(left)
                    size = came.value
                    if not drawn:
                        watch()
                    hand_out()
        finally:
            if any(held.values()):
                self.close()

    def _some(self, most: int, waiting: Iterator[Any]) -> int:
        """Return how many tasks the next batch may have: towards the end fewer, so that all teams have something to do."""
        left = length_hint(waiting, -1)
        return most if left < 0 else max(1, min(most, left // (2 * sum(team.room for team in self.members))))

    def close(self) -> None:
        """Stop all teams."""
        while self.members:
            self.members.pop().close()


def _drained(tasks: deque[Any]) -> Iterator[Any]:
    while tasks:
        yield tasks.popleft()


def fit_to_travel(error: BaseException) -> BaseException:
    """Return the error, or a RuntimeError with its traceback if it can't be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
