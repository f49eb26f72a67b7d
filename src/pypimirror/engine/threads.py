"""The default engine: threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from zope.interface import implementer

from ..interfaces import IEngine, IMirror

Step = Callable[[IMirror, Any, Callable[[Any], None]], Any]


@implementer(IEngine)
class Threads:
    """Runs as many tasks at once as ``workers`` says."""

    def __init__(self, mirror: IMirror):
        self._mirror = mirror
        self._workers = mirror.settings["workers"]

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        arrived: SimpleQueue[Any] = SimpleQueue()
        waiting = iter(tasks)
        under_way = 0
        with ThreadPoolExecutor(self._workers, "pypimirror") as pool:

            def hand_out() -> bool:
                try:
                    task = next(waiting)
                except StopIteration:
                    return False
                future = pool.submit(step, self._mirror, task, arrived.put)
                future.add_done_callback(arrived.put)
                return True

            # One task a worker waits, so that no worker ever does.
            while under_way < 2 * self._workers and hand_out():
                under_way += 1
            try:
                while under_way:
                    item = arrived.get()
                    if isinstance(item, Future):
                        under_way -= 1
                        item = item.result()
                        under_way += hand_out()
                    yield item
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
