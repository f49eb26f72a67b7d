"""What runs in a worker of a cluster: one mirror for each place, made once, and tasks on it.

A worker knows nothing beforehand: each task says which mirror it is about and how many requests the worker may have under way.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from socket import gethostname
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..interfaces import IRunContext
from ..names import OWN
from .steps import Event, Raised, Returned, Step, do, picklable


class Order(NamedTuple):
    """What a worker has to know besides a task."""

    #: The class of the mirror: called with settings, needs and share.
    mirror: Callable[..., IRunContext]
    #: ``mirror_file_path``.
    place: str
    #: Settings and Needs, pickled: most orders are the same, and then nothing is unpacked.
    settings: bytes
    needs: bytes
    #: This worker's share of the requests.
    share: int
    #: Whether the coordinator sees a mirror at that place.
    started: bool
    #: The coordinator's machine: on another one nobody else sees to it that what a task did outlives a power cut.
    machine: str


class Done(NamedTuple):
    """What came of some tasks."""

    #: In the order in which it came (see ``steps``).
    results: tuple[Event | Returned | Raised, ...]
    #: How long the tasks took, all together.
    seconds: float


class _Made:
    """A mirror of this process."""

    def __init__(self, order: Order):
        self.settings, self.needs, self.share = order.settings, order.needs, order.share
        self.mirror: IRunContext = order.mirror(pickle.loads(order.settings), pickle.loads(order.needs), order.share)
        #: Tasks under way.
        self.busy = 0
        if order.started and not self.mirror.storage.listdir(OWN):
            raise ConfigurationError(f"mirror_file_path = {order.place}: no mirror is there as the worker sees it; all workers "
                                     "and the coordinator need the same place")

    def follow(self, order: Order) -> None:
        """Do as told from now on."""
        if self.needs != order.needs:
            self.needs = order.needs
            self.mirror.need(pickle.loads(order.needs))
        if self.share != order.share:
            self.share = order.share
            self.mirror.bound(order.share)


_lock = threading.Lock()
#: By place.
_made: dict[str, _Made] = {}


def work(order: Order, step: Step, tasks: Sequence[Any]) -> Done:
    """Run a step for some tasks, one after the other."""
    results: list[Event | Returned | Raised] = []
    began = time.monotonic()
    try:
        made = _taken(order)
    except Exception as error:
        return Done((Raised(error),), 0.0)
    try:
        for task in tasks:
            do(made.mirror, step, task, results.append)
            results[-1] = picklable(results[-1])
        if order.machine != gethostname():
            made.mirror.storage.flush()
    except Exception as error:  # of the storage
        results.append(Raised(error))
    finally:
        _give_back(made)
    return Done(tuple(results), time.monotonic() - began)


async def prepare(order: Order) -> None:
    """Make ready for a run: wait until nothing is under way that a run before left, then make the mirror.

    Raises ConfigurationError for settings that are of no use here.
    """
    await settle(order.place)
    await asyncio.to_thread(lambda: _give_back(_taken(order)))


async def settle(place: str) -> None:
    """Wait until no task is under way, and give back what the mirror of a place holds."""
    while (made := _idle(place)) is None and place in _made:
        await asyncio.sleep(0.02)
    if made is not None:
        await asyncio.to_thread(made.mirror.close)


def _idle(place: str) -> _Made | None:
    """Take out what was made for a place, if no task needs it."""
    with _lock:
        made = _made.get(place)
        return _made.pop(place) if made is not None and not made.busy else None


def _taken(order: Order) -> _Made:
    with _lock:
        made = _made.get(order.place)
        if made is None or made.settings != order.settings:
            made = _made[order.place] = _Made(order)
        made.follow(order)
        made.busy += 1
        return made


def _give_back(made: _Made) -> None:
    with _lock:
        made.busy -= 1
