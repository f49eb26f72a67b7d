"""Checks the results of engines of plugins: a task that an engine loses would be a project that no run mentions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .. import events
from ..interfaces import IEngine, IRunContext
from .steps import Step


class _Returned(NamedTuple):
    """The return value of a step, distinct from events."""

    value: Any


class _Emitted(NamedTuple):
    """What a step emitted that is no event, such as a first one of two results."""

    value: Any


class _MarkingStep:
    """Wraps a step: marks its return value, and what it emits that is no event."""

    def __init__(self, step: Step):
        self._step = step
        #: See ``steps.in_threads``.
        self.in_threads = getattr(step, "in_threads", False)

    def __call__(self, mirror: IRunContext, task: Any, emit: Callable[[Any], None]) -> _Returned:
        return _Returned(self._step(mirror, task, lambda item: emit(item if _is_event(item) else _Emitted(item))))


class _Counting:
    """Counts the tasks that an engine draws. Like the iterator that it wraps, it may go on after its end."""

    def __init__(self, tasks: Iterable[Any]):
        self._tasks = iter(tasks)
        self.drawn = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        task = next(self._tasks)
        self.drawn += 1
        return task


def run(engine: IEngine, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
    """Yield events and results, as ``IEngine.run`` does. Raises TypeError, ValueError for other items and missing results."""
    counting = _Counting(tasks)
    found: Any = engine.run(_MarkingStep(step), counting)
    if not isinstance(found, Iterable):
        raise TypeError(f"run returned {found!r}, not an iterator of events and results")
    returned = 0
    for item in found:
        if isinstance(item, _Returned):
            returned += 1
            yield item.value
        elif isinstance(item, _Emitted):
            yield item.value
        elif _is_event(item):
            yield item
        else:
            raise TypeError(f"run yielded {item!r}, which is neither an event nor the result of a step")
    drawn = counting.drawn + sum(1 for _ in counting)
    if returned != drawn:
        raise ValueError(f"run yielded {returned} results for {drawn} tasks")


def _is_event(item: Any) -> bool:
    return type(item).__module__ == events.__name__
