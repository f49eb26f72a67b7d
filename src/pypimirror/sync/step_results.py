"""Runs a step over many tasks: passes events on, yields results, and commits the state in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import events
from ..engine import boundary
from ..engine.boundary import StepFailure
from ..interfaces import IRunContext
from ..names import OWN
from ..state.database import State
from . import failures

#: Tasks whose results share one transaction.
_BATCH = 200
_EVENTS = (events.FileStored, events.FileRemoved, events.Problem, events.ProjectPublished)


def run_step(mirror: IRunContext, state: State, notify: Callable[[Any], None], step: Callable[..., Any], tasks: Iterable[Any],
             changes: bool, failed: Callable[[StepFailure], None]) -> Iterator[Any]:
    """Run a step for every task and yield the results; pass events to ``notify`` and failures to ``failed``.

    Args: changes: whether the step writes to the storage: then the storage is flushed before each commit, so that the state
    never names a file that a power cut has lost.
    """
    count = 0
    for count, item in enumerate(boundary.run(mirror, step, tasks), 1):
        state.begin()
        if isinstance(item, _EVENTS):
            notify(item)
        elif isinstance(item, StepFailure):
            failures.log(item)
            if item.storage:
                mirror.storage.listdir(OWN)  # raises StorageError if the whole storage is gone
            failed(item)
        else:
            yield item
        if count % _BATCH == 0:
            if changes:
                mirror.storage.flush()
            state.commit()
    if changes and count:
        mirror.storage.flush()
    state.begin()
