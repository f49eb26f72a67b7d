"""How tasks are handed to teams: short ones in batches, and of a batch whose team is gone only what is left."""

from __future__ import annotations

import time
from queue import SimpleQueue
from typing import Any

import pytest
from pypimirror.engine.teams import EVENTS, GONE, RESULT, Batch, Message, Scheduler, each

from pypimirror.model import RequiredReleases


def double(mirror: Any, task: int, emit: Any) -> int:
    emit(f"event {task}")
    return 2 * task


def slow(mirror: Any, task: int, emit: Any) -> int:
    time.sleep(0.012)
    return task


class Clocks:
    """The time that passes, and what this thread uses of a processor: only what steps add, whatever the machine does."""

    def __init__(self) -> None:
        self.passed = self.used = 1000.0

    def monotonic(self) -> float:
        return self.passed

    def thread_time(self) -> float:
        return self.used


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr("pypimirror.engine.teams.time", made)
    return made


class Doing:
    """A team that does at once what it is given."""

    room = 3

    def __init__(self, arrived: SimpleQueue[Message]):
        self.arrived = arrived
        self.batches: list[tuple[Any, ...]] = []

    def need(self, needs: RequiredReleases) -> None:
        """There are none."""

    def give(self, number: int, step: Any, batch: Batch) -> None:
        self.batches.append(batch.tasks)
        told: list[Any] = []
        self.arrived.put(Message(self, RESULT, number, step(None, batch, told.append), tuple(told)))

    def close(self) -> None:
        """There is nothing to be stopped."""


class Dying(Doing):
    """A team that does a first batch, tells of the first two tasks of the next one, and is gone."""

    room = 1

    def give(self, number: int, step: Any, batch: Batch) -> None:
        if not self.batches:
            return super().give(number, step, batch)
        self.batches.append(batch.tasks)
        told: list[Any] = []
        step(None, batch._replace(tasks=batch.tasks[:2]), told.append)
        told.append("event of a third")
        self.arrived.put(Message(self, EVENTS, number, None, tuple(told)))
        self.arrived.put(Message(self, GONE, 0))
        return None


def teams() -> tuple[Scheduler, list[Doing]]:
    made: list[Doing] = []

    def reserve(arrived: SimpleQueue[Message]) -> Doing:
        made.append(Doing(arrived))
        return made[-1]

    return Scheduler(reserve), made


def numbers(found: list[Any]) -> list[int]:
    return sorted(one for one in found if isinstance(one, int))


def test_short_tasks_are_handed_over_together_and_each_is_done_once() -> None:
    ours, made = teams()
    found = list(ours.run(double, range(200), RequiredReleases()))
    assert numbers(found) == [2 * number for number in range(200)]
    assert [one for one in found if isinstance(one, str)] == [f"event {number}" for number in range(200)]
    assert len(made[0].batches[0]) == 1  # nothing is known of them yet
    assert max(map(len, made[0].batches)) > 4
    assert len(made[0].batches) < 60


def test_long_tasks_are_handed_over_one_by_one() -> None:
    ours, made = teams()
    assert numbers(list(ours.run(slow, range(8), RequiredReleases()))) == list(range(8))
    assert {len(batch) for batch in made[0].batches} == {1}


def test_of_a_batch_that_is_lost_only_what_is_left_is_done_again() -> None:
    ours, made = teams()
    dying = Dying(ours.arrived)
    ours.members.append(dying)
    found = list(ours.run(double, range(40), RequiredReleases()))
    assert numbers(found) == [2 * number for number in range(40)]
    lost = dying.batches[1]
    assert len(lost) > 2
    again = [task for batch in made[0].batches for task in batch]
    assert again[:len(lost) - 2] == list(lost[2:])
    assert not set(lost[:2]) & set(again)


def test_what_a_batch_tells_is_in_order() -> None:
    told: list[Any] = []
    each(None, Batch(double, (1, 2)), told.append)  # type: ignore[arg-type]
    assert [getattr(one, "value", one) for one in told] == ["event 1", 2, "event 2", 4]


def test_tasks_that_compute_come_in_larger_batches_than_those_that_wait(clocks: Clocks) -> None:
    def computes(mirror: Any, task: int, emit: Any) -> None:
        clocks.passed += task / 1000
        clocks.used += task / 1000

    def waits(mirror: Any, task: int, emit: Any) -> None:
        clocks.passed += task / 1000

    def most(step: Any, task: int) -> int:
        """Give how many should come together."""
        return each(None, Batch(step, (task,)), lambda event: None)  # type: ignore[arg-type]

    assert most(waits, 2) == 5
    assert most(waits, 12) == 1
    assert most(computes, 2) == 25
    assert most(computes, 60) == 1
    assert most(computes, 0) == 64


def test_towards_the_end_batches_are_small() -> None:
    ours, made = teams()
    assert numbers(list(ours.run(double, iter(range(1000)), RequiredReleases()))) == [2 * number for number in range(1000)]
    sizes = [len(batch) for batch in made[0].batches]
    assert max(sizes) == 64
    assert sizes[-6:] == [1] * 6
    assert all(size <= max(1, (1000 - sum(sizes[:number])) // 6) for number, size in enumerate(sizes))


def test_of_a_batch_that_turns_out_to_be_long_the_rest_is_done_by_others(clocks: Clocks) -> None:
    def short_then_slow(mirror: Any, task: int, emit: Any) -> int:
        clocks.passed += 0.012 if task >= 200 else 0.0  # many of the long ones are handed over with short ones
        return task

    ours, made = teams()
    assert sorted(ours.run(short_then_slow, range(240), RequiredReleases())) == list(range(240))
    given = [task for batch in made[0].batches for task in batch]
    assert {task for task in given if given.count(task) > 1}


def test_what_came_is_told_before_anything_else_can_fail() -> None:
    ours, _ = teams()

    def watch() -> None:
        raise OSError("no process more")

    run = ours.run(double, range(5), RequiredReleases(), watch)
    assert [next(run), next(run)] == ["event 0", 0]
    try:
        list(run)
    except OSError as error:
        assert str(error) == "no process more"
    else:
        raise AssertionError("watch was not asked")
