"""Runs tasks concurrently in this process: in greenlets of one thread, or in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from selectors import BaseSelector, DefaultSelector
from typing import Any, Protocol

from ..http.cooperation import Loop
from ..interfaces import ICooperativeFetcher, IRunContext
from .steps import Step, do

#: Whether greenlets can be used: they are installed, and the selector has a descriptor to wait for, next to libcurl's sockets.
_CAN_COOPERATE = hasattr(DefaultSelector, "fileno") and find_spec("greenlet") is not None
#: Number of threads for a step that computes: enough to keep the processors busy while some wait for the disk.
_COMPUTING = 8

Send = Callable[[Any], None]


class Crew(Protocol):
    """A pool of greenlets or threads that runs tasks in this process."""

    loop: Loop
    #: Called after each task, when there is room for another one.
    finished: Callable[[], None]

    @property
    def room(self) -> int:
        """How many more tasks may be started now."""

    def start(self, step: Step, task: Any, send: Send) -> None:
        """Start a task. send: called in the thread of the loop with its events and result, see ``steps``."""

    def close(self) -> None:
        """End all tasks."""


def make_crew(mirror: IRunContext, computing: bool) -> Crew:
    """Return a new crew: greenlets if the fetcher supports them and the storage is local, else threads.

    computing: whether the crew is for steps that compute (``steps.in_threads``).
    """
    if computing:
        return ThreadCrew(mirror, _COMPUTING)
    fetcher = mirror.limiter.fetcher
    if _CAN_COOPERATE and ICooperativeFetcher.providedBy(fetcher) and mirror.storage.cheap_listing:
        return GreenletCrew(mirror, Loop(_selector(fetcher)))
    return ThreadCrew(mirror, hands(mirror.workers))


def _selector(fetcher: ICooperativeFetcher) -> BaseSelector:
    """Return a new selector of a fetcher. The argument is named as the component that failed."""
    selector = fetcher.selector()
    if not isinstance(selector, BaseSelector):
        raise TypeError(f"selector returned {selector!r}, not a selector")
    return selector


def hands(workers: int) -> int:
    """Return the number of concurrent tasks for a number of requests: some tasks compute while others wait."""
    return workers + workers // 2


def _nothing() -> None:
    pass


class GreenletCrew:
    """Runs tasks in greenlets."""

    def __init__(self, mirror: IRunContext, loop: Loop):
        self.loop = loop
        self.finished: Callable[[], None] = _nothing
        self._mirror = mirror
        self._under_way = 0

    @property
    def room(self) -> int:
        return self._mirror.workers - self._under_way  # one thread: no task computes while others could send requests

    def start(self, step: Step, task: Any, send: Send) -> None:
        self._under_way += 1
        self.loop.start(self._do, step, task, send)

    def _do(self, step: Step, task: Any, send: Send) -> None:
        do(self._mirror, step, task, send)
        self._under_way -= 1
        self.finished()

    def close(self) -> None:
        self.loop.close()


class ThreadCrew:
    """Runs tasks in threads."""

    def __init__(self, mirror: IRunContext, most: int):
        self.loop = Loop()
        self.finished: Callable[[], None] = _nothing
        self._mirror = mirror
        self._most = most
        self._under_way = 0
        self._pool = ThreadPoolExecutor(most, "pypimirror")

    @property
    def room(self) -> int:
        return self._most + 2 - self._under_way  # so that no thread waits for the coordinator

    def start(self, step: Step, task: Any, send: Send) -> None:
        self._under_way += 1

        def arrived(result: Any) -> None:
            self.loop.events.call_soon_threadsafe(send, result)

        future = self._pool.submit(do, self._mirror, step, task, arrived)
        future.add_done_callback(lambda _: self.loop.events.call_soon_threadsafe(self._finished))

    def _finished(self) -> None:
        self._under_way -= 1
        self.finished()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.loop.close()
