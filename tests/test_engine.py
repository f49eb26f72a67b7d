"""Engines: the same tree wherever the work runs, and a worker that dies loses nothing; how many requests are let through."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from pypimirror.engine.beyond import WorkerProcess
from pypimirror.engine.many import SizedIterator
from pypimirror.engine.threads import Threads
from pypimirror.http.gate import RequestLimiter

from clusters import wait_for
from engines import dies_elsewhere, emits_then_returns, fails, fill, raises_unsendable, settled, told_by
from mirrored import Mirrored
from pypimirror.engine import threads
from pypimirror.errors import FetchError, InsufficientSpace
from pypimirror.mirror import Mirror
from pypimirror.state.records import BadRecord
from pypimirror.zcml.plugins import read
from upstream import Upstream, wheel


def sleeps(mirror: Any, task: float, emit: Any) -> int:
    time.sleep(task)
    return os.getpid()


@pytest.fixture
def mirror(mirrored: Mirrored) -> Any:
    """A mirror to hand tasks to."""
    mirrored.settings |= {"workers": 16, "engine": "processes"}
    made = Mirror(read(mirrored.write(), {}))
    yield made
    made.close()


@pytest.fixture
def filled(upstream: Upstream) -> Upstream:
    return fill(upstream)


def test_processes_make_the_same_tree_as_threads(mirrored: Mirrored, filled: Upstream, tmp_path: Path) -> None:
    assert mirrored.run("sync") == 0
    there = tmp_path / "there"
    there.mkdir()
    other = Mirrored(there / "mirror", filled.url)
    other.settings["engine"] = "processes"
    assert other.command("sync").returncode == 0
    assert settled(other) == settled(mirrored)
    filled.add("zope.p3", wheel("zope.p3", "3"))
    filled.remove("zope.p4")
    filled.remove("zope.p5", "zope_p5-1-py3-none-any.whl")
    assert mirrored.run("-U") == other.command("-U").returncode == 0
    assert settled(other) == settled(mirrored)
    assert other.command("verify").returncode == 0


def test_a_long_and_busy_run_gets_a_process_more_than_there_are_cores(
        mirrored: Mirrored, filled: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Noted(WorkerProcess):
        def __init__(self, *arguments: Any):
            super().__init__(*arguments)
            started.append(self.pid)

    monkeypatch.setattr("pypimirror.engine.beyond.WorkerProcess", Noted)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "LONG", 0.0)
    monkeypatch.setattr(threads, "_BUSY", 0.0)
    assert mirrored.run("sync") == 0
    assert len(started) == 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert mirrored.untrue() == []
    assert len(list(mirrored.root.rglob("*.whl"))) == 60


class Further(NamedTuple):
    """A further process: when it came, and how many requests it may have under way."""

    time: float
    requests: int


def clocked(monkeypatch: pytest.MonkeyPatch, share: float = 1.0) -> tuple[list[float], list[Further]]:
    """Return the time, as it may be set, and further processes that came, which are never there; for two cores.

    share: of a processor that is used.
    """
    now: list[float] = [0.0]
    came: list[Further] = []

    class Idle:
        room = 0

        def __init__(self, mirror: object, workers: int, *_: object):
            came.append(Further(now[0], workers))

        def close(self) -> None:
            pass

    monkeypatch.setattr("pypimirror.engine.beyond.WorkerProcess", Idle)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "time", SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: share * now[0]))
    return now, came


@pytest.mark.parametrize(("number", "at_work", "further"), [
    (3, 1, [Further(0.08, 25), Further(0.32, 16)]),
    (100, 1, [Further(0.0, 25), Further(0.32, 16)]),
    (100, threads.SHARE, [Further(0.0, 25)])], ids=["few tasks", "many tasks", "far upstream"])
def test_each_process_more_waits_until_the_run_is_four_times_as_long(
        mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, number: int, at_work: int, further: list[Further]) -> None:
    monkeypatch.setattr(threads, "_BUSY", 0.0)
    now, came = clocked(monkeypatch)
    mirror = Mirror(read(mirrored.write(), {}))
    engine = Threads(mirror)
    list(engine.run(emits_then_returns, SizedIterator(range(3), number)))
    mirror.crew.begin(at_work)
    for step in range(100):
        now[0] = step / 100
        engine._grow()
    engine.close()
    mirror.close()
    assert came == further


@pytest.mark.parametrize(("share", "came"), [(0.55, []), (0.6, [Further(0.1, 8)])])
def test_a_further_process_comes_if_all_hands_would_be_busy(
        mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, share: float, came: list[Further]) -> None:
    now, found = clocked(monkeypatch, share)
    mirrored.settings["workers"] = 16
    mirror = Mirror(read(mirrored.write(), {}))
    engine = Threads(mirror)
    list(engine.run(emits_then_returns, range(3)))
    mirror.crew.begin(20)  # of 24 hands
    now[0] = 0.1
    engine._grow()
    engine.close()
    mirror.close()
    assert found == came


def test_a_mirror_of_few_workers_stays_in_one_process(
        mirrored: Mirrored, filled: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.beyond.WorkerProcess", None)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "LONG", 0.0)
    monkeypatch.setattr(threads, "_BUSY", 0.0)
    mirrored.settings["workers"] = 2 * threads.SHARE - 1
    assert mirrored.run("sync") == 0


def test_events_come_first_and_results_last(mirror: Any) -> None:
    seen, pids = told_by(mirror.engine)
    assert seen == {number: ["event", "result"] for number in range(200)}
    assert os.getpid() not in pids


def test_tasks_are_drawn_only_as_fast_as_they_are_done(mirror: Any) -> None:
    drawn = 0

    def tasks() -> Any:
        nonlocal drawn
        for _ in range(10_000):
            drawn += 1
            yield 0.0

    run = mirror.engine.run(sleeps, tasks())
    next(run)
    assert drawn < 500
    run.close()


@pytest.mark.parametrize("error", [FetchError("u", "why", transient=True), KeyError("x")])
def test_what_a_step_raises_is_raised(mirror: Any, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        list(mirror.engine.run(fails, [error]))
    assert str(caught.value) == str(error)
    # And the engine goes on.
    assert len(list(mirror.engine.run(emits_then_returns, range(3)))) == 6


def raises_at_seven(mirror: Any, task: int, emit: Any) -> tuple[int, int]:
    time.sleep(0.01)
    if task == 7:
        raise BadRecord("seven")
    return task, os.getpid()


def cut_off(tasks: Iterable[int]) -> Iterator[int]:
    yield from tasks
    raise BadRecord("cut off")


@pytest.fixture(params=["processes", "threads"])
def spread(request: pytest.FixtureRequest, mirror: Any, mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mirror whose work runs in further processes, with threads of this one beside them or without."""
    if request.param == "processes":
        yield mirror
        return
    monkeypatch.setattr(threads, "cores", lambda: 3)
    monkeypatch.setattr(threads, "LONG", 0.0)
    monkeypatch.setattr(threads, "_BUSY", 0.0)
    mirrored.settings |= {"workers": 3 * threads.SHARE, "engine": None}
    made = Mirror(read(mirrored.write(), {}))
    assert len(list(made.engine.run(emits_then_returns, range(300)))) == 600
    assert any(isinstance(team, WorkerProcess) for team in made.engine._teams.members)
    yield made
    made.close()


@pytest.mark.parametrize("how", ["closed", "raises", "cut off at once", "cut off"])
def test_a_run_that_is_given_up_leaves_nothing_to_the_next_one(spread: Any, how: str) -> None:
    for _ in range(2):
        run = spread.engine.run(raises_at_seven, cut_off(range(3 if "once" in how else 40)) if "cut" in how else range(40))
        if how == "closed":
            next(run)
            run.close()
        else:
            with pytest.raises(BadRecord):
                list(run)
        results = list(spread.engine.run(emits_then_returns, range(50, 100)))
        assert sorted(first for first, _ in results if first != "event") == list(range(50, 100))
        assert sorted(second for first, second in results if first == "event") == list(range(50, 100))


def test_threads_let_as_many_requests_through_and_grow_again_after_a_run_that_was_given_up(
        mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "LONG", 0.0)
    monkeypatch.setattr(threads, "_BUSY", 0.0)
    mirrored.settings["workers"] = 2 * threads.SHARE
    mirror = Mirror(read(mirrored.write(), {}))
    seen = []

    def shares(tasks: Iterable[float]) -> Iterator[float]:
        for task in tasks:
            seen.append((mirror.gate._most, sum(isinstance(team, WorkerProcess) for team in mirror.engine._teams.members)))
            yield task

    try:
        for _ in range(2):
            run = mirror.engine.run(sleeps, shares(itertools.repeat(0.001, 30_000)))
            # Until the other process is there this one has all requests, and then half of them.
            for _ in run:
                if seen[-1][0] != 2 * threads.SHARE:
                    break
            run.close()
            assert (seen[0], seen[-1]) == ((2 * threads.SHARE, 0), (threads.SHARE, 1))
            assert (2 * threads.SHARE, 1) in seen
            seen.clear()
    finally:
        mirror.close()


def test_no_task_is_under_way_when_a_run_has_been_given_up(mirrored: Mirrored) -> None:
    under_way = set()

    def takes_its_time(mirror: Any, task: int, emit: Any) -> None:
        under_way.add(task)
        time.sleep(0.2)
        under_way.remove(task)

    mirror = Mirror(read(mirrored.write(), {}))
    try:
        with pytest.raises(BadRecord):
            list(mirror.engine.run(takes_its_time, cut_off(range(3))))
        assert under_way == set()
    finally:
        mirror.close()


def test_processes_are_started_anew_after_a_run_that_was_given_up(mirror: Any) -> None:
    run = mirror.engine.run(sleeps, [0.0] * 40)
    first = next(run)
    run.close()
    assert os.getpid() not in {first, *mirror.engine.run(sleeps, [0.0] * 40)}


def test_what_cant_be_sent_is_told_in_words(mirror: Any) -> None:
    with pytest.raises(RuntimeError, match="Unsendable: 1 2"):
        list(mirror.engine.run(raises_unsendable, [1]))


def test_tasks_of_processes_that_died_are_done_by_others(mirror: Any) -> None:
    tasks = [(number, os.getpid()) for number in range(100)]
    assert sorted(mirror.engine.run(dies_elsewhere, tasks)) == list(range(100))


def test_a_worker_ends_with_its_coordinator(mirrored: Mirrored, filled: Upstream) -> None:
    mirrored.settings["engine"] = "processes"
    hold = threading.Event()

    def held(handler: Any) -> None:
        hold.wait(30)
        handler.close_connection = True

    filled.answers["/simple/zope-p7/"] = held
    run = subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "sync"], stderr=subprocess.DEVNULL)
    try:
        workers = wait_for(lambda: children(run.pid))
        run.kill()
        run.wait()
        wait_for(lambda: not any(map(alive, workers)))
    finally:
        hold.set()
        run.kill()
        run.wait()
    filled.answers.clear()
    mirrored.settings["engine"] = None
    assert mirrored.run("sync") == 0
    assert mirrored.untrue() == []


def children(pid: int) -> list[int]:
    """Return the processes of workers that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            command = (entry.parent / "cmdline").read_text()
        except OSError:
            continue  # it ended
        if int(fields[1]) == pid and "beyond.main" in command:
            found.append(int(entry.parent.name))
    return found if len(found) >= 2 or len(os.sched_getaffinity(0)) < 2 else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Counting:
    """A fetcher that waits, and counts how many wait with it (IFetcher)."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._lock = threading.Lock()
        self.now = self.most = 0

    def fetch(self, url: str, receiver: Any, headers: Any = None) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self._seconds)
        with self._lock:
            self.now -= 1

    def close(self) -> None:
        pass


@pytest.mark.parametrize("workers", [1, 3, 20])
def test_a_gate_lets_so_many_requests_through_at_once(workers: int) -> None:
    fetcher = Counting(0.005)
    gate = RequestLimiter(lambda: fetcher, workers)
    hands = [threading.Thread(target=lambda: [gate.fetch("u", None) for _ in range(5)]) for _ in range(60)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert (fetcher.now, fetcher.most) == (0, workers)


def test_a_gate_that_is_bound_later_lets_fewer_through() -> None:
    fetcher = Counting(0.0)
    gate = RequestLimiter(lambda: fetcher, 40)
    gate.bound(2)
    hands = [threading.Thread(target=lambda: [gate.fetch("u", None) for _ in range(20)]) for _ in range(20)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert 1 <= fetcher.most <= 2


def test_a_bound_holds_as_soon_as_it_is_set() -> None:
    fetcher = Counting(0.1)
    gate = RequestLimiter(lambda: fetcher, 40)
    hands = [threading.Thread(target=gate.fetch, args=("u", None)) for _ in range(20)]
    for hand in hands:
        hand.start()
    assert wait_for(lambda: fetcher.now == 20)
    gate.bound(3)
    assert not gate.settled(0)
    assert gate.settled(10)
    assert fetcher.now <= 3
    for hand in hands:
        hand.join()


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_where_no_process_can_be_started_this_one_does_the_work(
        mirrored: Mirrored, filled: Upstream, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    tried = []

    def refused(*arguments: Any, **options: Any) -> None:
        tried.append(arguments)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("pypimirror.engine.beyond.subprocess.Popen", refused)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "LONG", 0.0)
    monkeypatch.setattr(threads, "_BUSY", 0.0)
    mirrored.settings["engine"] = engine
    assert mirrored.run("sync") == 0
    assert tried
    assert mirrored.untrue() == []


def test_no_process_is_started_for_nothing(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.processes.WorkerProcess", None)
    mirrored.settings["engine"] = "processes"
    mirror = Mirror(read(mirrored.write(), {}))
    assert list(mirror.engine.run(emits_then_returns, [])) == []
    mirror.close()


def test_a_process_that_ended_by_itself_is_waited_for(mirrored: Mirrored) -> None:
    mirror = Mirror(read(mirrored.write(), {}))
    arrived: SimpleQueue[Any] = SimpleQueue()
    beyond = WorkerProcess(mirror, 2, arrived)
    assert arrived.get(timeout=600).kind == "events"  # it is there
    assert beyond.room > 0
    os.kill(beyond.pid, signal.SIGKILL)
    assert arrived.get(timeout=600).kind == "gone"
    assert wait_for(lambda: beyond._process.returncode is not None)
    beyond.give(1, emits_then_returns, 1)  # never fails
    beyond.close()
    mirror.close()


def test_a_process_that_may_not_begin_yet_does_not_hold_up_the_end(mirrored: Mirrored) -> None:
    mirror = Mirror(read(mirrored.write(), {}))
    asked = threading.Event()

    def not_yet() -> bool:
        asked.set()
        time.sleep(0.01)
        return False

    beyond = WorkerProcess(mirror, 2, SimpleQueue(), not_yet)
    assert asked.wait(30)
    assert beyond.room == 0
    beyond.close()
    mirror.close()


def test_room_is_left_for_what_other_processes_have_under_way(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored.settings |= {"workers": 50, "min_free": 0}
    mirror = Mirror(read(mirrored.write(), {}))
    monkeypatch.setattr(mirror.storage, "free", lambda: 1000)
    mirror.room.reserve(mirror, 400)
    mirror.room.reserve(mirror, 400)
    mirror.room.release(400)
    mirror.bound(25)
    with pytest.raises(InsufficientSpace):
        mirror.room.reserve(mirror, 400)
    mirror.close()
