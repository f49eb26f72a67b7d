"""The contract of an engine as tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ..interfaces import IEngine
from . import checks


def emitting(mirror: Any, task: int, emit: Callable[[Any], None]) -> tuple[str, int]:
    """A step: emits two events, then returns its result. Engines import it by its name."""
    emit(("first", task))
    emit(("second", task))
    return "result", task


def computing(mirror: Any, task: int, emit: Callable[[Any], None]) -> int:
    """A step that computes."""
    return task * task


computing.in_threads = True  # type: ignore[attr-defined]


class EngineContract:
    """The tests of an ``IEngine``. Derived classes have names that begin with ``Test``."""

    def make(self) -> Any:
        """Return a new engine for a mirror; the test closes the engine."""
        raise NotImplementedError

    def test_it_provides_its_interface(self) -> None:
        engine = self.make()
        checks.implements(engine, IEngine)
        engine.close()

    def test_each_task_has_its_events_then_its_result(self) -> None:
        engine = self.make()
        try:
            seen: dict[int, list[str]] = {}
            for kind, task in engine.run(emitting, range(60)):
                seen.setdefault(task, []).append(kind)
        finally:
            engine.close()
        assert seen == {task: ["first", "second", "result"] for task in range(60)}

    def test_no_task_is_no_work_and_an_engine_runs_several_times(self) -> None:
        engine = self.make()
        try:
            for count in (0, 5, 0, 3):
                assert Counter(engine.run(computing, iter(range(count)))) == Counter(number * number for number in range(count))
        finally:
            engine.close()

    def test_tasks_are_drawn_as_results_are_taken(self) -> None:
        engine = self.make()
        drawn = 0

        def tasks() -> Iterator[int]:
            nonlocal drawn
            while drawn < 1000:
                drawn += 1
                yield drawn

        try:
            results = iter(engine.run(emitting, tasks()))
            next(results)
            assert drawn < 1000, "the engine took all tasks before the first result"
            assert sum(kind == "result" for kind, _ in results) + 1 >= 1000
        finally:
            engine.close()
