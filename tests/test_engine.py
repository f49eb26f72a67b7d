"""Engines: the same tree wherever the work runs; what a run that fails, is given up or loses a process leaves behind."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from pypimirror.engine import local, steps, worker_process
from pypimirror.engine.crew import GreenletCrew, ThreadCrew
from pypimirror.engine.worker_process import WorkerProcess
from pypimirror.errors import FetchError, InsufficientSpace
from pypimirror.http import page
from pypimirror.mirror import Mirror
from pypimirror.model import RequiredReleases
from pypimirror.state.records import BadRecord
from pypimirror.zcml.plugins import read
from support.dask_cluster import wait_for
from support.engine_tasks import (
    Unsendable,
    dies_elsewhere,
    emits_then_returns,
    fails,
    fill,
    raises_unsendable,
    returns_unreadable,
    returns_unsendable,
    settled,
    told_by,
)
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

pytest.importorskip("pycurl", reason="pycurl is not installed: the extra [fast]")


def sleeps(mirror: Any, task: float, emit: Any) -> int:
    time.sleep(task)
    return os.getpid()


def computes(mirror: Any, task: float, emit: Any) -> int:
    return sleeps(mirror, task, emit)


computes.in_threads = True  # type: ignore[attr-defined]


def fetches(mirror: Any, task: str, emit: Any) -> int:
    page.read(mirror.fetcher, task, {}, 1 << 20)
    return os.getpid()


def needs(mirror: Any, task: int, emit: Any) -> tuple[int, str]:
    time.sleep(0.001)
    return os.getpid(), mirror.needs.pinned["needed"]


def tells_its_share(mirror: Any, task: int, emit: Any) -> tuple[int, int]:
    time.sleep(0.001)
    return os.getpid(), mirror.workers


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process gets two more at once, whatever it has to do."""
    monkeypatch.setattr(local, "cores", lambda: 3)
    monkeypatch.setattr(local, "LONG", 0.0)
    monkeypatch.setattr(local, "BUSY", 0.0)


@pytest.fixture
def make(mirrored: Mirrored) -> Iterator[Callable[..., Any]]:
    """Makes mirrors to hand tasks to."""
    made: list[Mirror] = []

    def made_with(**settings: Any) -> Mirror:
        mirrored.settings |= settings
        made.append(Mirror(read(mirrored.write(), {})))
        return made[-1]

    yield made_with
    for mirror in made:
        mirror.close()


@pytest.fixture
def mirror(make: Callable[..., Any]) -> Any:
    """A mirror whose tasks run in processes of their own."""
    return make(workers=16, engine="processes")


KINDS = {
    "greenlets": {"workers": 16, "fetcher": "pycurl"}, "threads": {"workers": 16, "fetcher": "requests"},
    "growing": {"workers": 3 * local.SHARE, "fetcher": "pycurl"},
    "growing threads": {"workers": 3 * local.SHARE, "fetcher": "requests"},
    "processes": {"workers": 16, "engine": "processes"}, "small processes": {"workers": 3, "engine": "processes"}}


def grown(mirror: Any) -> Any:
    """Wait until an engine that grows has all its worker processes; return its mirror."""
    wait_for(lambda: len(set(mirror.engine.run(sleeps, [0.001] * 300))) == 3)
    return mirror


@pytest.fixture(params=KINDS)
def spread(request: pytest.FixtureRequest, make: Callable[..., Any]) -> Any:
    """A mirror of each engine, with worker processes that are there where it has any."""
    if not request.param.startswith("growing"):
        return make(**KINDS[request.param])
    request.getfixturevalue("growing")
    return grown(make(**KINDS[request.param]))


@pytest.fixture(scope="module")
def kept_mirrors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Mirrors by kind of engine, closed at the end."""
    found: dict[str, Any] = {}
    yield found
    for mirror in found.values():
        mirror.close()


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, kept_mirrors: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Like ``spread``, for tests that leave the engine usable: they share it, since worker processes take long to start."""
    if request.param not in kept_mirrors:
        mirrored = Mirrored(tmp_path_factory.mktemp("kept") / "mirror", "http://127.0.0.1:9/")
        mirrored.settings |= KINDS[request.param]
        kept_mirrors[request.param] = Mirror(read(mirrored.write(), {}))
    if not request.param.startswith("growing"):
        return kept_mirrors[request.param]
    request.getfixturevalue("growing")
    return grown(kept_mirrors[request.param])


@pytest.fixture
def filled(upstream: Upstream) -> Upstream:
    return fill(upstream)


def more(mirrored: Mirrored, upstream: Upstream) -> None:
    """Have more projects than can be worked on at once."""
    for number in range(60):
        upstream.add(f"more{number}", wheel(f"more{number}", "1"))
    mirrored.settings["workers"] = 3 * local.SHARE


@pytest.mark.heavy
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


@pytest.mark.usefixtures("growing")
def test_a_long_and_busy_run_gets_more_processes(
        mirrored: Mirrored, filled: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Noted(WorkerProcess):
        def __init__(self, *arguments: Any):
            super().__init__(*arguments)
            started.append(self.pid)

    monkeypatch.setattr("pypimirror.engine.worker_process.WorkerProcess", Noted)
    more(mirrored, filled)
    assert mirrored.run("sync") == 0
    assert len(started) == 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert mirrored.untrue() == []
    assert len(list(mirrored.root.rglob("*.whl"))) == 120


@pytest.mark.parametrize(("long", "busy", "grows"), [(0.0, 0.0, True), (3600.0, 0.0, False), (0.0, 100.0, False)])
def test_only_a_run_that_is_long_and_busy_gets_another_process(
        make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, long: float, busy: float, grows: bool) -> None:
    monkeypatch.setattr(local, "cores", lambda: 2)
    monkeypatch.setattr(local, "LONG", long)
    monkeypatch.setattr(local, "BUSY", busy)
    mirror = make(workers=16)
    list(mirror.engine.run(sleeps, [0.001] * 200))
    assert len(mirror.engine._processes) == grows


@pytest.mark.usefixtures("growing")
def test_a_mirror_of_few_workers_stays_in_one_process(
        mirrored: Mirrored, filled: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.worker_process.WorkerProcess", None)
    mirrored.settings["workers"] = 2 * local.SHARE - 1
    assert mirrored.run("sync") == 0


@pytest.mark.parametrize(("fetcher", "step", "crew"), [
    ("pycurl", sleeps, GreenletCrew), ("pycurl", computes, ThreadCrew), ("requests", sleeps, ThreadCrew)])
def test_steps_that_wait_run_in_greenlets_where_the_fetcher_can_switch(
        make: Callable[..., Any], fetcher: str, step: Any, crew: type) -> None:
    mirror = make(fetcher=fetcher)
    list(mirror.engine.run(step, [0.0] * 3))
    assert [type(one) for one in mirror.engine._crews.values()] == [crew]


def test_threads_work_where_greenlets_can_not(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.crew._CAN_COOPERATE", False)
    mirror = make(fetcher="pycurl")
    assert len(list(mirror.engine.run(emits_then_returns, range(50)))) == 100
    assert [type(one) for one in mirror.engine._crews.values()] == [ThreadCrew]


def test_events_come_first_and_results_last(kept: Any) -> None:
    for _ in range(2):
        seen, pids = told_by(kept.engine)
        assert seen == {number: ["event", "result"] for number in range(200)}
        assert (os.getpid() in pids) == (type(kept.engine) is local.Threads)


def test_steps_of_both_kinds_follow_each_other(kept: Any) -> None:
    for _ in range(3):
        assert len(list(kept.engine.run(computes, [0.001] * 40))) == 40
        assert len(list(kept.engine.run(sleeps, [0.001] * 40))) == 40


def test_few_tasks_end(kept: Any) -> None:
    for number in range(3):
        assert len(list(kept.engine.run(emits_then_returns, range(number)))) == 2 * number


def test_tasks_are_drawn_only_as_fast_as_they_are_done(kept: Any) -> None:
    drawn = 0

    def tasks() -> Any:
        nonlocal drawn
        for _ in range(10_000):
            drawn += 1
            yield 0.001

    run = kept.engine.run(sleeps, tasks())
    next(run)
    assert drawn < 500
    run.close()


class More:
    """Tasks, of which each result may add some; at times there are none (IEngine.run)."""

    def __init__(self) -> None:
        self.left = [1]

    def __iter__(self) -> More:
        return self

    def __next__(self) -> int:
        if not self.left:
            raise StopIteration
        return self.left.pop()


def test_tasks_may_be_added_as_long_as_some_are_under_way(kept: Any) -> None:
    tasks, done = More(), 0
    for first, _ in kept.engine.run(emits_then_returns, tasks):
        if first != "event":
            done += 1
            tasks.left += [2 * first, 2 * first + 1] if first < 64 else []
    assert done == 127


ERRORS = [FetchError("u", "why", transient=True), KeyError("x"), MemoryError(), RecursionError("deep"), SystemExit(7),
          KeyboardInterrupt(), GeneratorExit(), InsufficientSpace("full"), StopIteration()]


@pytest.mark.parametrize("engine", ["greenlets", "threads", "processes"])
def test_what_a_step_raises_is_raised(make: Callable[..., Any], engine: str) -> None:
    mirror = make(workers=16, engine="processes" if engine == "processes" else None,
                  fetcher="requests" if engine == "threads" else "pycurl")
    for error in ERRORS:
        # Python has no generator that raises StopIteration.
        expected = RuntimeError if isinstance(error, StopIteration) else type(error)
        with pytest.raises(expected) as caught:
            list(mirror.engine.run(fails, [error]))
        assert isinstance(error, StopIteration) or str(caught.value) == str(error)
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


@pytest.mark.heavy
def test_a_run_that_is_given_up_leaves_nothing_to_the_next_one(kept: Any) -> None:
    for how in ("closed", "left", "raises", "cut off at once", "cut off"):
        # The seventh task may be the first to end.
        tasks = range(3) if "once" in how else range(40) if how in ("raises", "cut off") else range(8, 48)
        run = kept.engine.run(raises_at_seven, cut_off(tasks) if "cut" in how else tasks)
        if how in ("closed", "left"):
            next(run)
            if how == "closed":
                run.close()
        else:
            with pytest.raises(BadRecord):
                list(run)
        results = list(kept.engine.run(emits_then_returns, range(50, 100)))
        assert sorted(first for first, _ in results if first != "event") == list(range(50, 100)), how
        assert sorted(second for first, second in results if first == "event") == list(range(50, 100)), how


def descriptors() -> list[str]:
    """Return what this process has open, of a kind that engines open."""
    gc.collect()
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}").partition(":[")[0])
        except OSError:
            continue  # the listing's own
    return sorted(found)


@pytest.mark.heavy
@pytest.mark.parametrize("spread", ["greenlets", "threads", "growing", "processes"], indirect=True)
def test_engines_leave_no_process_thread_or_descriptor(spread: Any, mirrored: Mirrored) -> None:
    def once(how: str) -> None:
        run = spread.engine.run(raises_at_seven, range(8 if how == "raises" else 7))
        if how == "closed":
            next(run)
            run.close()
        elif how == "raises":
            with pytest.raises(BadRecord):
                list(run)
        else:
            list(run)
        spread.engine.close()

    others = set(children(os.getpid())) - {process.pid for process in spread.engine._processes}
    once("whole")  # what is imported or opened for good
    before = descriptors(), threading.active_count()
    for how in ("closed", "raises", "whole"):
        once(how)
        assert (descriptors(), threading.active_count()) == before, how
        assert set(children(os.getpid())) == others, how


def stores_slowly(mirror: Any, task: str, emit: Any) -> None:
    upload = mirror.storage.create()
    try:
        upload.write(bytes(1 << 20))
        fetches(mirror, task, emit)
    finally:
        upload.abort()


@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.heavy
def test_greenlets_that_are_ended_run_their_finally_blocks(
        make: Callable[..., Any], upstream: Upstream, mirrored: Mirrored, engine: str) -> None:
    hold = threading.Event()
    upstream.answers["/slow"] = lambda handler: hold.wait(60)
    upstream.answers["/quick"] = (200, {"Content-Length": "1"}, b"1")
    mirror = make(workers=4, engine=engine)
    mirror.storage.prepare()
    unfinished = mirrored.root / ".pypimirror/tmp"
    try:
        for _ in range(3):
            run = mirror.engine.run(stores_slowly, [f"{upstream.host}/{name}" for name in ("quick", *["slow"] * 9)])
            next(run)
            assert len(list(unfinished.iterdir())) > 1
            run.close()
            assert list(unfinished.iterdir()) == []
    finally:
        hold.set()
    # None of the requests that were given up, or waited for their turn, counts any more.
    assert len(list(mirror.engine.run(fetches, [f"{upstream.host}/quick"] * 20))) == 20
    assert mirror.limiter._in_flight == 0 and not mirror.limiter._waiting


@pytest.mark.usefixtures("growing")
@pytest.mark.heavy
def test_an_engine_has_all_requests_again_after_a_run_that_was_given_up(make: Callable[..., Any]) -> None:
    mirror = make(workers=3 * local.SHARE)
    for _ in range(2):
        run = mirror.engine.run(tells_its_share, range(100_000))
        assert next(run) == (os.getpid(), 3 * local.SHARE)
        shares = dict([next(run)])
        while len(shares) < 3 or set(shares.values()) != {local.SHARE}:
            pid, share = next(run)
            shares[pid] = share
        run.close()


def test_no_task_is_under_way_when_a_run_has_been_given_up(make: Callable[..., Any]) -> None:
    under_way = set()

    def takes_its_time(mirror: Any, task: int, emit: Any) -> None:
        under_way.add(task)
        time.sleep(0.2)
        under_way.remove(task)

    with pytest.raises(BadRecord):
        list(make(fetcher="requests").engine.run(takes_its_time, cut_off(range(3))))
    assert under_way == set()


def test_processes_are_started_anew_after_a_run_that_was_given_up(mirror: Any) -> None:
    run = mirror.engine.run(sleeps, [0.0] * 40)
    first = next(run)
    run.close()
    assert os.getpid() not in {first, *mirror.engine.run(sleeps, [0.0] * 40)}


def test_a_process_with_few_tasks_sends_each_result_at_once(mirror: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "_PATIENCE", 3600.0)
    here, there = Pipe()
    worker = worker_process._Worker(mirror, there)

    def work() -> None:
        with suppress(EOFError, OSError):
            worker.work()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert here.recv() is None
        here.send((worker_process._STEP, sleeps))
        here.send((worker_process._TASKS, list(enumerate([0.0] * 20))))
        found = []
        while len(found) < 20:
            assert here.poll(60)
            found += here.recv()
        assert sorted(number for number, _ in found) == list(range(20))
    finally:
        here.close()
        thread.join()


def test_an_exception_that_cant_be_pickled_is_told_in_words(mirror: Any) -> None:
    with pytest.raises(RuntimeError, match="Unsendable: 1 2"):
        list(mirror.engine.run(raises_unsendable, [1]))
    with pytest.raises(RuntimeError, match="pickle"):
        list(mirror.engine.run(returns_unsendable, [1]))
    assert len(list(mirror.engine.run(emits_then_returns, range(30)))) == 60


def test_a_result_that_cant_be_made_again_is_made_here(mirror: Any) -> None:
    (result,) = mirror.engine.run(returns_unreadable, [1])
    assert isinstance(result, Unsendable)


def test_tasks_of_processes_that_died_are_done_by_others(spread: Any) -> None:
    for _ in range(2):  # the second time by those that are left
        tasks = [(number, os.getpid()) for number in range(100)]
        assert sorted(spread.engine.run(dies_elsewhere, tasks)) == list(range(100))
    assert spread.workers == spread.settings["workers"] or spread.engine._processes


def test_processes_that_are_killed_between_runs_are_done_without(spread: Any) -> None:
    assert len(list(spread.engine.run(sleeps, [0.0] * 40))) == 40
    for process in spread.engine._processes:
        os.kill(process.pid, signal.SIGKILL)
    assert len(list(spread.engine.run(sleeps, [0.0] * 40))) == 40
    assert spread.engine._processes == []
    assert spread.workers == spread.settings["workers"]


def test_processes_that_are_killed_while_they_start_are_done_without(mirror: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(WorkerProcess):
        def begin(self, *arguments: Any) -> None:
            os.kill(self.pid, signal.SIGKILL)
            super().begin(*arguments)

    monkeypatch.setattr("pypimirror.engine.worker_process.WorkerProcess", Killed)
    assert set(mirror.engine.run(sleeps, [0.0] * 40)) == {os.getpid()}


def test_a_process_that_ends_before_it_is_ready_is_done_without(mirror: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.worker_process._START", "raise SystemExit(1)")
    assert set(mirror.engine.run(sleeps, [0.0] * 40)) == {os.getpid()}


def test_needs_that_changed_reach_all_processes(kept: Any) -> None:
    for number in range(4):
        kept.need(RequiredReleases(pinned={"needed": str(number)}))
        assert {version for _, version in kept.engine.run(needs, range(200))} == {str(number)}


def counting(upstream: Upstream) -> list[int]:
    """Have the upstream answer slowly and count the requests in flight; return that number and the highest so far."""
    lock, counted = threading.Lock(), [0, 0]
    answer = upstream.respond

    def respond(path: str, headers: Any) -> Any:
        with lock:
            counted[0] += 1
            counted[1] = max(counted)
        time.sleep(0.01)
        try:
            return answer(path, headers)
        finally:
            with lock:
                counted[0] -= 1

    upstream.respond = respond  # type: ignore[method-assign]
    return counted


@pytest.mark.parametrize(("engine", "fetcher"), [("threads", "pycurl"), ("threads", "requests"), ("processes", "pycurl")])
@pytest.mark.heavy
def test_upstream_never_sees_more_requests_at_once_than_workers_says(
        mirrored: Mirrored, filled: Upstream, growing: None, engine: str, fetcher: str) -> None:
    counted = counting(filled)
    mirrored.settings |= {"workers": 3 * local.SHARE, "engine": engine, "fetcher": fetcher}
    assert mirrored.run("sync") == 0
    assert 2 < counted[1] <= 3 * local.SHARE


def test_requests_are_bounded_while_a_process_is_being_started(
        make: Callable[..., Any], filled: Upstream, growing: None) -> None:
    counted = counting(filled)
    mirror = make(workers=3 * local.SHARE)
    run = mirror.engine.run(fetches, itertools.repeat(f"{filled.url}zope-p1/"))
    pids = {next(run)}
    while len(pids) < 3:
        pids.add(next(run))
    for _ in range(200):
        next(run)
    run.close()
    assert local.SHARE < counted[1] <= 3 * local.SHARE


@pytest.mark.heavy
def test_a_worker_ends_with_its_coordinator(mirrored: Mirrored, filled: Upstream) -> None:
    mirrored.settings["engine"] = "processes"
    with Held(mirrored, filled) as run:
        workers = wait_for(lambda: children(run.pid))
        run.kill()
        run.wait()
        wait_for(lambda: not any(map(alive, workers)))
    mirrored.settings["engine"] = None
    assert mirrored.run("sync") == 0
    assert mirrored.untrue() == []


def test_a_process_killed_in_the_middle_of_a_run_loses_nothing(mirrored: Mirrored, filled: Upstream) -> None:
    mirrored.settings |= {"workers": 16, "engine": "processes"}
    with Held(mirrored, filled) as run:
        for pid in wait_for(lambda: children(run.pid)):
            os.kill(pid, signal.SIGKILL)
        filled.hold.set()  # type: ignore[attr-defined]
        assert run.wait(60) == 0
        assert run.stderr is not None and run.stderr.read() == ""
    assert mirrored.untrue() == []
    assert len(list(mirrored.root.rglob("*.whl"))) == 60
    assert mirrored.run("-U") == 0  # removes what the processes could not
    assert list((mirrored.root / ".pypimirror/tmp").iterdir()) == []


@pytest.mark.parametrize("settings", [{}, {"fetcher": "requests"}, {"engine": "processes"}], ids=str)
@pytest.mark.heavy
def test_ctrl_c_ends_the_run_with_130_and_the_next_one_completes_it(
        mirrored: Mirrored, filled: Upstream, settings: dict[str, Any]) -> None:
    mirrored.settings |= {"workers": 16, **settings}
    with Held(mirrored, filled) as run:
        workers = children(run.pid)
        for pid in [run.pid, *workers]:
            os.kill(pid, signal.SIGINT)  # as a terminal does
        released = threading.Timer(1.0, filled.hold.set)  # type: ignore[attr-defined]
        released.start()  # threads finish what they have begun
        assert run.wait(60) == 130
        assert run.stderr is not None
        assert run.stderr.read() == "pypimirror: interrupted; the next run continues\n"
        released.join()
        wait_for(lambda: not any(map(alive, workers)))
    assert mirrored.untrue() == []
    assert mirrored.run("sync") == 0
    assert mirrored.untrue() == []
    assert len(list(mirrored.root.rglob("*.whl"))) == 60


def interrupting(times: int, noted: list[str]) -> Any:
    """Return a step that is interrupted so many times while libcurl calls it."""

    def step(mirror: Any, task: str, emit: Any) -> None:
        class Receiver:
            def start(self, head: Any) -> None:
                """Nothing is to be known of it."""

            def write(self, block: bytes) -> None:
                for number in range(times):
                    noted.append("interrupted")
                    os.kill(os.getpid(), signal.SIGINT)
                    noted.append(f"went on after {number + 1}")

        mirror.fetcher.fetch(task, Receiver(), {})
        time.sleep(0.001)

    return step


@pytest.mark.parametrize(("times", "goes_on"), [(1, True), (2, False)])
@pytest.mark.heavy
def test_ctrl_c_ends_the_run_between_two_steps_and_the_second_one_at_once(
        make: Callable[..., Any], filled: Upstream, times: int, goes_on: bool) -> None:
    mirror, noted = make(), []
    with pytest.raises(KeyboardInterrupt):
        list(mirror.engine.run(interrupting(times, noted), [f"{filled.url}zope-p1/"]))
    assert noted[:2] == ["interrupted", "went on after 1"]
    assert (noted[-1] == f"went on after {times}") == goes_on
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(list(mirror.engine.run(fetches, [f"{filled.url}zope-p1/"] * 20))) == 20


def busy(mirror: Any, task: str, emit: Any) -> None:
    """A step that computes without end, as that of a plugin may."""
    mirror.fetcher.fetch(task, Ignoring(), {})
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        time.sleep(0.01)


class Ignoring:
    """A receiver that ignores the response."""

    def start(self, head: Any) -> None:
        """Nothing is to be known of it."""

    def write(self, block: bytes) -> None:
        """Nothing is to be known of it."""


def test_one_ctrl_c_ends_steps_that_compute_without_end(make: Callable[..., Any], filled: Upstream) -> None:
    mirror = make()
    with pytest.raises(KeyboardInterrupt):
        list(mirror.engine.run(busy, [f"{filled.url}zope-p1/"] * 20))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    mirror.engine.close()


class Held:
    """A run as a process of its own that has come to where upstream no longer answers."""

    def __init__(self, mirrored: Mirrored, upstream: Upstream):
        self._upstream, self._hold, self._asked = upstream, threading.Event(), threading.Event()
        upstream.hold = self._hold  # type: ignore[attr-defined]
        upstream.answers["/simple/zope-p7/"] = self._held
        self._run = subprocess.Popen(
            [sys.executable, "-m", "pypimirror", mirrored.write(), "sync"], stderr=subprocess.PIPE, text=True)

    def _held(self, handler: Any) -> None:
        self._asked.set()
        self._hold.wait(60)
        handler.reply(*self._upstream.respond(handler.path, handler.headers))

    def __enter__(self) -> subprocess.Popen[str]:
        assert self._asked.wait(60)
        return self._run

    def __exit__(self, *_: object) -> None:
        self._hold.set()
        self._run.kill()
        self._run.wait()
        assert self._run.stderr is not None
        self._run.stderr.close()
        self._upstream.answers.clear()


def children(pid: int) -> list[int]:
    """Return the worker processes that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            command = (entry.parent / "cmdline").read_text()
        except OSError:
            continue  # it ended
        if int(fields[1]) == pid and "worker_process.main" in command:
            found.append(int(entry.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("growing")
@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.heavy
def test_where_no_process_can_be_started_this_one_does_the_work(
        mirrored: Mirrored, filled: Upstream, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    tried = []

    def refused(*arguments: Any, **options: Any) -> None:
        tried.append(arguments)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("pypimirror.engine.worker_process.subprocess.Popen", refused)
    before = descriptors()
    more(mirrored, filled)
    mirrored.settings["engine"] = engine
    assert mirrored.run("sync") == 0
    assert tried
    assert mirrored.untrue() == []
    assert descriptors() == before


def test_settings_that_cant_be_pickled_leave_no_process(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, before = make(workers=16, engine="processes"), children(os.getpid())
    mirror.needs = lambda: None
    assert set(mirror.engine.run(sleeps, [0.0] * 40)) == {os.getpid()}
    assert children(os.getpid()) == before


def test_no_process_is_started_for_nothing(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.worker_process.WorkerProcess", None)
    assert list(make(engine="processes").engine.run(emits_then_returns, [])) == []


def test_a_process_that_does_not_end_when_it_is_told_to_is_killed(
        make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.engine.worker_process._GRACE", 0.1)
    process = WorkerProcess(make(), 2)
    os.kill(process.pid, signal.SIGSTOP)
    process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_process_that_is_gone_takes_tasks_and_gives_them_back(make: Callable[..., Any]) -> None:
    process = WorkerProcess(make(), 2)
    try:
        assert process.receive() == []  # it is ready
        assert process.has_room(2)
        os.kill(process.pid, signal.SIGKILL)
        process.begin(emits_then_returns, RequiredReleases())
        process.give([1, 2])
        with pytest.raises((EOFError, OSError)):
            process.receive()
        assert process.unfinished() == [1, 2]
        process.end()
    finally:
        process.close()


def test_a_mistake_outside_of_a_step_ends_the_run(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    right = GreenletCrew._do

    def mistaken(self: GreenletCrew, *arguments: Any) -> None:
        right(self, *arguments)
        raise ZeroDivisionError

    mirror = make()
    with monkeypatch.context() as patched:
        patched.setattr(GreenletCrew, "_do", mistaken)
        with pytest.raises(ZeroDivisionError):
            list(mirror.engine.run(sleeps, [0.0] * 30))
    assert len(list(mirror.engine.run(sleeps, [0.0] * 30))) == 30


def test_what_ends_programs_is_a_result_of_a_step_too() -> None:
    sent: list[Any] = []
    for error in (SystemExit(1), KeyboardInterrupt(), MemoryError()):
        steps.do(None, fails, error, sent.append)  # type: ignore[arg-type]
    assert [type(one) for one in sent] == [steps.Raised] * 3


def test_room_is_left_for_what_other_processes_have_under_way(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored.settings |= {"workers": 50, "min_free": 0}
    mirror = Mirror(read(mirrored.write(), {}))
    other = Mirror(mirror.settings)
    mirror.storage.prepare()
    uploads = []
    for one in (mirror, other):
        monkeypatch.setattr(one.storage, "free", lambda: 1_000_000)
        uploads.append(one.storage.create())
        one.room.admit(one, uploads[-1], 400_000)
    for one in (mirror, other):
        upload = one.storage.create()
        with pytest.raises(InsufficientSpace):
            one.room.admit(one, upload, 400_000)
        upload.abort()
    uploads[0].abort()
    uploads[0] = other.storage.create()
    other.room.admit(other, uploads[0], 400_000)
    for upload in uploads:
        upload.abort()
    for one in (mirror, other):
        one.close()
