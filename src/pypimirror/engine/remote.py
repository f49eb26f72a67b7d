"""Functions that run in the workers of a cluster: create one mirror per location, and run tasks with it.

Workers have no configuration: each message contains the mirror's settings and the number of requests that the worker may send.
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
    """Settings of a worker for a batch of tasks."""

    #: The class of the mirror, called with settings, needs and share.
    mirror: Callable[..., IRunContext]
    #: ``mirror_file_path``.
    place: str
    #: Settings and RequiredReleases, pickled; unpickled only if they differ from the previous order's.
    settings: bytes
    needs: bytes
    #: This worker's share of the requests.
    share: int
    #: Whether the coordinator finds a mirror at that location.
    started: bool
    #: The coordinator's machine; workers on other machines have to flush files to disk themselves.
    machine: str


class Done(NamedTuple):
    """Results of a batch of tasks."""

    #: In chronological order (see ``steps``).
    results: tuple[Event | Returned | Raised, ...]
    #: Duration of all tasks together.
    seconds: float


class _Made:
    """A mirror that this process has created."""

    def __init__(self, order: Order):
        self.settings, self.needs, self.share = order.settings, order.needs, order.share
        self.mirror: IRunContext = order.mirror(pickle.loads(order.settings), pickle.loads(order.needs), order.share)
        #: Number of batches that are running.
        self.busy = 0
        if order.started and not self.mirror.storage.listdir(OWN):
            raise ConfigurationError(f"mirror_file_path = {order.place}: no mirror is there as the worker sees it; all workers "
                                     "and the coordinator need the same folder")

    def follow(self, order: Order) -> None:
        """Apply an order's required releases and share of requests."""
        if self.needs != order.needs:
            self.needs = order.needs
            self.mirror.need(pickle.loads(order.needs))
        if self.share != order.share:
            self.share = order.share
            self.mirror.bound(order.share)


_lock = threading.Lock()
#: By location (``mirror_file_path``).
_made: dict[str, _Made] = {}


def work(order: Order, step: Step, tasks: Sequence[Any]) -> Done:
    """Run a step for a batch of tasks, one after the other."""
    results: list[Event | Returned | Raised] = []
    began = time.monotonic()
    try:
        made = _acquire_mirror(order)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Done((Raised(error),), 0.0)
    try:
        for task in tasks:
            do(made.mirror, step, task, results.append)
            results[-1] = picklable(results[-1])
        if order.machine != gethostname():
            made.mirror.storage.flush()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # of the storage
        results.append(Raised(error))
    finally:
        _give_back(made)
    return Done(tuple(results), time.monotonic() - began)


async def prepare(order: Order) -> None:
    """Prepare a run: wait for tasks that an earlier run left, then create the mirror.

    Raises ConfigurationError for settings that this worker can't use.
    """
    await settle(order.place)
    await asyncio.to_thread(lambda: _give_back(_acquire_mirror(order)))


async def settle(place: str) -> None:
    """Wait for the running tasks of a location, and close its mirror."""
    while (made := _idle(place)) is None and place in _made:
        await asyncio.sleep(0.02)
    if made is not None:
        await asyncio.to_thread(made.mirror.close)


def _idle(place: str) -> _Made | None:
    """Remove and return the mirror of a location if no task is using it."""
    with _lock:
        made = _made.get(place)
        return _made.pop(place) if made is not None and not made.busy else None


def _acquire_mirror(order: Order) -> _Made:
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
