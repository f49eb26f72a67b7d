"""Who is at work: so many as may be, and idle hands for the files of one project."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from pypimirror.engine.idle import idle
from pypimirror.engine.told import PATIENCE, EventBuffer

from pypimirror.engine.crew import ConcurrencyLimiter

#: Seconds to wait for what comes about at once, on a machine that does other work, too.
PATIENT = 600


def crew_of(number: int, most: int = 50) -> ConcurrencyLimiter:
    """Return a crew of which so many may be at work from the beginning."""
    crew = ConcurrencyLimiter(most)
    crew.open = number
    return crew


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """No crew grows or shrinks by itself."""
    monkeypatch.setattr(ConcurrencyLimiter, "_adjust", lambda self: None)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processors seem to have time to spare, whatever else the machine does."""
    monkeypatch.setattr("pypimirror.engine.crew.time", SimpleNamespace(monotonic=time.monotonic, process_time=lambda: 0.0))
    monkeypatch.setattr("pypimirror.engine.crew.idle", lambda: None)


class Counted:
    """Counts how many are in it at once."""

    def __init__(self, least: int = 1) -> None:
        """least: until so many are in it at once, those that are wait for the others."""
        self._changed = threading.Condition()
        self._least = least
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._least, PATIENT)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.now -= 1


@pytest.mark.usefixtures("steady")
def test_idle_hands_help_with_one_task_and_results_keep_their_order() -> None:
    crew, counted = crew_of(6), Counted(6)

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
    crew, counted, done = crew_of(3), Counted(3), []

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
def test_more_are_at_work_while_the_processor_is_idle(free: None, workers: int, least: int) -> None:
    crew, counted = ConcurrencyLimiter(workers), Counted()

    def work(number: int) -> None:
        with counted:
            time.sleep(0.01)

    end = time.monotonic() + PATIENT
    while counted.most < least and time.monotonic() < end:
        with crew:
            crew.each(work, range(60 * workers))
    crew.close()
    assert least <= counted.most <= workers


def after(monkeypatch: pytest.MonkeyPatch, share: float, spare: float | None, looks: int = 30) -> int:
    """Return how many of 40 may be at work, of 4 at first, after some looks at clocks that go on like this.

    share: of one processor that is used. spare: processors that are idle, or None where nobody tells.
    """
    passed = 0.0

    def monotonic() -> float:
        nonlocal passed
        passed += 0.2
        return passed

    clocks = SimpleNamespace(monotonic=monotonic, process_time=lambda: share * passed)
    monkeypatch.setattr("pypimirror.engine.crew.time", clocks)
    monkeypatch.setattr("pypimirror.engine.crew.idle", lambda: None if spare is None else spare * passed)
    crew = crew_of(4, 40)
    crew._at_work = 3
    for _ in range(looks):
        with crew:
            crew._at_work = crew.open
        crew._at_work = crew.open - 1
    return crew.open


@pytest.mark.parametrize(("share", "spare", "least", "most"), [
    (0.1, 1.5, 40, 40),  # all wait for upstream
    (0.5, 1.0, 40, 40),  # there is time to spare, here and on the machine
    (0.5, None, 40, 40),
    (0.5, 0.3, 4, 4),  # enough is done
    (0.5, 0.0, 1, 1),  # others use the machine
    (0.97, 1.0, 1, 1),  # Python's lock allows no more
    (0.97, None, 1, 1),
])
def test_so_many_are_at_work_as_the_processors_have_time_for(
        monkeypatch: pytest.MonkeyPatch, share: float, spare: float | None, least: int, most: int) -> None:
    assert least <= after(monkeypatch, share, spare) <= most


def test_processors_are_looked_at_now_and_then_and_not_with_each_task(monkeypatch: pytest.MonkeyPatch) -> None:
    passed, looks = 0.0, []

    def monotonic() -> float:
        nonlocal passed
        passed += 0.001
        return passed

    def looked() -> float:
        looks.append(passed)
        return 0.3 * passed  # enough is done: nothing is to be changed

    monkeypatch.setattr("pypimirror.engine.crew.time", SimpleNamespace(monotonic=monotonic, process_time=lambda: 0.5 * passed))
    monkeypatch.setattr("pypimirror.engine.crew.idle", looked)
    crew = crew_of(1, 40)
    for _ in range(2000):
        with crew:
            pass
    assert passed > 1.9
    assert 20 < len(looks) <= passed / 0.02 + 1


def test_a_long_task_does_not_keep_others_waiting(free: None) -> None:
    crew, began, over = crew_of(1, 40), threading.Event(), threading.Event()

    def long() -> None:
        with crew:
            began.set()
            over.wait(PATIENT)

    def short() -> None:
        with crew:
            over.set()

    threads = [threading.Thread(target=long), threading.Thread(target=short)]
    threads[0].start()
    assert began.wait(PATIENT)
    threads[1].start()
    assert over.wait(PATIENT / 2)
    for thread in threads:
        thread.join()


def test_nobody_is_woken_while_more_are_at_work_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    crew = crew_of(1, 40)
    crew._changed = SimpleNamespace(notify=woken.append)  # type: ignore[assignment]
    crew._looked, crew._at_work, crew._young = (time.monotonic() - 1, time.process_time(), None), 30, 0.0
    monkeypatch.setattr("pypimirror.engine.crew.idle", lambda: None)
    crew._adjust()
    assert crew.open > 1 and woken == [0]


def test_idle_time_is_that_of_the_machine() -> None:
    before, now = idle(), idle()
    if before is None or now is None:
        pytest.skip("this system does not tell how long its processors were idle")
    assert 0 < before <= now


def test_idle_time_goes_on_with_what_the_system_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr("pypimirror.engine.idle._STAT", str(stat))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    found = []
    for busy, nothing, waiting in ((5, 100, 10), (9, 100, 10), (9, 130, 10), (9, 130, 17)):
        stat.write_text(f"cpu0 {busy} 0 0 {nothing} {waiting} 0\n")
        found.append(round(idle() * os.sysconf("SC_CLK_TCK")))
    assert found == [110, 110, 140, 147]


def test_idle_time_is_not_known_where_processors_have_other_numbers(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr("pypimirror.engine.idle._STAT", str(stat))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3, 7}, raising=False)
    stat.write_text("cpu  9 9 9 900 100 0\ncpu3 1 1 1 300 20 0\ncpu7 1 1 1 500 30 0\n")
    assert idle() == 850 / os.sysconf("SC_CLK_TCK")
    stat.write_text("cpu  9 9 9 900 100 0\ncpu0 1 1 1 300 20 0\ncpu1 1 1 1 500 30 0\n")
    assert idle() is None


def test_idle_time_is_not_known_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.idle._STAT", "/nowhere/stat")
    assert idle() is None


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
        time.sleep(0.01 if number > place else 0)  # the others could end all of them only if this one slept for seconds
        done.append(number)

    with pytest.raises(ValueError, match=f"number {place}"), crew:
        crew.each(work, range(2000))
    assert len(done) < 1900
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
    told = EventBuffer(sent.append)
    for number in range(4):
        told(number)
    assert sent == [(0, 1, 2)]
    assert told.rest() == (3,)
