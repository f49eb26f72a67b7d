"""Runs a step over many tasks: passes events on, yields results, and commits the state in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import events
from ..engine import boundary
from ..engine.boundary import StepFailure
from ..interfaces import IRunContext
from ..names import OWN
from ..state.database import State
from . import failures

#: Results that share one transaction, and the seconds after which it ends in any case.
_BATCH, _SECONDS = 200, 0.5
_EVENTS = (events.Notice, events.FileStored, events.FileRemoved, events.Problem, events.ProjectPublished)


def run_step(mirror: IRunContext, state: State, notify: Callable[[Any], None], step: Callable[..., Any], tasks: Iterable[Any],
             changes: bool, failed: Callable[[StepFailure], None], committed: Callable[[], None]) -> Iterator[Any]:
    """Run a step for every task and yield the results; pass events to ``notify`` and failures to ``failed``.

    Args: changes: whether the step writes to the storage: then the storage is flushed before each commit, so that the state
    never names a file that a power cut has lost. committed: called after each commit but the last one.
    """
    count = 0
    due = time.monotonic() + _SECONDS
    for count, item in enumerate(boundary.run(mirror, step, tasks), 1):
        state.begin()
        if isinstance(item, _EVENTS):
            notify(item)
        elif isinstance(item, StepFailure):
            failures.log(item)
            if item.storage:
                mirror.storage.listdir(OWN)  # raises StorageError if the whole storage is missing
            failed(item)
        else:
            yield item
        if count % _BATCH == 0 or time.monotonic() > due:
            if changes:
                mirror.storage.flush()
            state.commit()
            committed()
            due = time.monotonic() + _SECONDS
    if changes and count:
        mirror.storage.flush()
    state.begin()
