"""Who is at work: so many as may be, and idle hands for the files of one project."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace

import pytest

from pypimirror.engine.crew import Crew
from pypimirror.engine.told import PATIENCE, Told


def crew_of(number: int, most: int = 50) -> Crew:
    """Return a crew of which so many may be at work from the beginning."""
    crew = Crew(most)
    crew.open = number
    return crew


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """No crew grows or shrinks by itself."""
    monkeypatch.setattr(Crew, "_adjust", lambda self: None)


class Counted:
    """Counts how many are in it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.mark.usefixtures("steady")
def test_idle_hands_help_with_one_task_and_results_keep_their_order() -> None:
    crew, counted = crew_of(6), Counted()

    def work(number: int) -> int:
        with counted:
            time.sleep(0.002)
        return number * number

    with crew:
        assert crew.each(work, range(200)) == [number * number for number in range(200)]
    crew.close()
    assert counted.most == 6


@pytest.mark.usefixtures("steady")
def test_many_tasks_leave_no_idle_hands() -> None:
    crew, counted, done = crew_of(3), Counted(), []

    def task() -> None:
        with crew:
            crew.each(lambda _: (counted.__enter__(), time.sleep(0.001), counted.__exit__()), range(20))
            done.append(True)

    tasks = [threading.Thread(target=task) for _ in range(12)]
    for one in tasks:
        one.start()
    for one in tasks:
        one.join()
    crew.close()
    assert counted.most == 3
    assert len(done) == 12


@pytest.mark.parametrize(("workers", "least"), [(1, 1), (3, 3), (20, 8)])
def test_more_are_at_work_while_the_processor_is_idle(workers: int, least: int) -> None:
    crew, counted = Crew(workers), Counted()

    def work(number: int) -> None:
        with counted:
            time.sleep(0.01)

    with crew:
        crew.each(work, range(60 * workers))
    crew.close()
    assert least <= counted.most <= workers


def test_few_are_at_work_while_the_processor_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    # Both clocks go on alike, as where all the time is worked.
    clocks = SimpleNamespace(monotonic=lambda: next(ticks), process_time=lambda: next(ticks))
    monkeypatch.setattr("pypimirror.engine.crew.time", clocks)
    crew = crew_of(40)
    for _ in range(30):
        with crew:
            pass
    assert crew.open == 1


def test_a_crew_that_is_bound_later_has_fewer_at_work() -> None:
    crew, counted = crew_of(30), Counted()
    crew.bound(2)

    def work(number: int) -> None:
        with counted:
            time.sleep(0.005)

    with crew:
        crew.each(work, range(60))
    crew.close()
    assert 1 <= counted.most <= 2




@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("place", [0, 7, 60])
def test_what_one_item_raises_ends_the_others_and_leaves_nobody_at_work(place: int) -> None:
    crew, done = crew_of(4), []

    def work(number: int) -> None:
        if number == place:
            raise ValueError(f"number {number}")
        time.sleep(0.001)
        done.append(number)

    with pytest.raises(ValueError, match=f"number {place}"), crew:
        crew.each(work, range(100))
    assert len(done) < 90
    before = len(done)
    with crew:
        assert crew.each(lambda number: number, range(50)) == list(range(50))
    crew.close()
    assert len(done) == before
    assert crew._at_work == 0


def test_what_a_task_tells_comes_in_order_whether_it_waited_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, ...]] = []
    clock = iter([0.0, 0.0, PATIENCE / 2, 2 * PATIENCE, 2 * PATIENCE, 2.1 * PATIENCE, 3 * PATIENCE])
    monkeypatch.setattr("pypimirror.engine.told.time.monotonic", lambda: next(clock))
    told = Told(sent.append)
    for number in range(4):
        told(number)
    assert sent == [(0, 1, 2)]
    assert told.rest() == (3,)
