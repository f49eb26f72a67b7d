"""The engine on a real Dask cluster: the same tree as with threads, whatever becomes of the workers."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pypimirror.engine import remote
from pypimirror.engine.steps import Event, Returned
from pypimirror.errors import FetchError
from pypimirror.mirror import Mirror
from pypimirror.storage.filesystem import FileSystem
from pypimirror.testing.engines import EngineContract
from pypimirror.zcml.plugins import read
from support.dask_cluster import Cluster, wait_for
from support.engine_tasks import dies_elsewhere, emits_then_returns, fails, fill, raises_unsendable, settled, told_by
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

Client = pytest.importorskip("distributed", reason="distributed is not installed: the extra [dask]").Client

#: What a worker holds while a test looks at it.
_busy = threading.Lock()
_under_way: list[int] = [0, 0]


def tells_its_share(mirror: Any, task: int, emit: Any) -> tuple[int, int]:
    time.sleep(0.01)
    return os.getpid(), mirror.limiter._most


def counts(mirror: Any, task: int, emit: Any) -> tuple[int, int]:
    with _busy:
        _under_way[0] += 1
        _under_way[1] = max(_under_way)
    time.sleep(0.02)
    with _busy:
        _under_way[0] -= 1
    return os.getpid(), _under_way[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers that outlive a test."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for _ in range(2):
            started.worker()
        with Client(started.address) as client:
            client.wait_for_workers(2, timeout=600)
        yield started
    finally:
        started.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers, for one test."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    started = Cluster(folder)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def filled(upstream: Upstream) -> Upstream:
    return fill(upstream)


class TestContract(EngineContract):
    """The contract that authors of engines test with."""

    @pytest.fixture(autouse=True)
    def place(self, mirrored: Mirrored, cluster: Cluster) -> Iterator[None]:
        self.mirrored = on(mirrored, cluster)
        self.made: list[Mirror] = []
        yield
        for mirror in self.made:
            mirror.close()

    def make(self) -> Any:
        self.made.append(Mirror(read(self.mirrored.write())))
        return self.made[-1].engine


def on(mirrored: Mirrored, cluster: Cluster, **settings: Any) -> Mirrored:
    """Give a mirror whose work runs on a cluster."""
    mirrored.settings |= {"engine": "dask", "scheduler": cluster.address, "timeout": 20, **settings}
    return mirrored


def made(mirrored: Mirrored) -> Mirror:
    """Give the mirror itself, to hand tasks to."""
    return Mirror(read(mirrored.write(), {}))


def joined(mirror: Any, workers: int) -> None:
    """Wait until the cluster has so many workers."""
    mirror.engine._client.wait_for_workers(workers, timeout=600)


def test_a_cluster_makes_the_same_tree_as_threads(
        mirrored: Mirrored, filled: Upstream, cluster: Cluster, tmp_path: Path) -> None:
    assert mirrored.run("sync") == 0
    there = tmp_path / "there"
    there.mkdir()
    other = on(Mirrored(there / "mirror", filled.url), cluster)
    done = other.command("sync")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert settled(other) == settled(mirrored)
    filled.add("zope.p3", wheel("zope.p3", "3"))
    filled.remove("zope.p4")
    filled.remove("zope.p5", "zope_p5-1-py3-none-any.whl")
    assert mirrored.run("-U") == other.command("-U").returncode == 0
    assert settled(other) == settled(mirrored)
    assert other.command("verify").returncode == 0


def test_events_come_with_results_of_workers(mirrored: Mirrored, cluster: Cluster) -> None:
    mirror = made(on(mirrored, cluster))
    try:
        joined(mirror, 2)
        seen, pids = told_by(mirror.engine)
    finally:
        mirror.close()
    assert seen == {number: ["event", "result"] for number in range(200)}
    assert len(pids) == 2 and os.getpid() not in pids


def test_tasks_are_drawn_only_as_fast_as_they_are_done(mirrored: Mirrored, cluster: Cluster) -> None:
    mirror = made(on(mirrored, cluster))
    drawn = 0

    def tasks() -> Any:
        nonlocal drawn
        for number in range(10_000):
            drawn += 1
            yield number

    try:
        run = mirror.engine.run(tells_its_share, tasks())
        next(run)
        assert drawn < 200
        run.close()
    finally:
        mirror.close()


@pytest.mark.heavy
def test_requests_are_shared_out_over_the_workers(mirrored: Mirrored, own: Cluster) -> None:
    own.worker()
    mirror = made(on(mirrored, own, workers=17))
    try:
        assert {share for _, share in mirror.engine.run(tells_its_share, range(20))} == {17}
        own.worker()
        joined(mirror, 2)
        shares = wait_for(lambda: both if len(both := dict(mirror.engine.run(tells_its_share, range(60)))) == 2 else None)
        wait_for(lambda: set(dict(mirror.engine.run(tells_its_share, range(60))).values()) == {8})
        assert set(shares.values()) <= {8, 17}
    finally:
        mirror.close()


def test_upstream_never_sees_more_requests_at_once_than_the_settings_allow(
        mirrored: Mirrored, filled: Upstream, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = threading.Lock()
    now = most = 0
    answer = filled.respond

    def respond(path: str, headers: Any) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        try:
            return answer(path, headers)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(filled, "respond", respond)
    assert on(mirrored, cluster, workers=4).run("sync") == 0
    assert 2 < most <= 4


@pytest.mark.parametrize(("machine", "flushes"), [(socket.gethostname(), 0), ("other.example.com", 1)])
def test_a_task_on_another_machine_is_done_when_its_work_would_outlive_a_power_cut_there(
        mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, machine: str, flushes: int) -> None:
    flushed = []
    monkeypatch.setattr(FileSystem, "flush", lambda self: flushed.append(self.root))
    mirror = made(mirrored)
    order = remote.Order(type(mirror), str(mirrored.root), pickle.dumps(mirror.settings), pickle.dumps(mirror.needs), 2, False,
                         machine)
    try:
        done = remote.work(order, emits_then_returns, [7])
    finally:
        asyncio.run(remote.settle(str(mirrored.root)))
    assert done.results == (Event(("event", 7)), Returned((7, os.getpid())))
    assert len(flushed) == flushes


def test_more_workers_than_requests_are_not_all_busy(mirrored: Mirrored, cluster: Cluster) -> None:
    mirror = made(on(mirrored, cluster, workers=1))
    try:
        joined(mirror, 2)
        most = dict(mirror.engine.run(counts, range(30)))
        assert set(most.values()) == {1}
    finally:
        mirror.close()


@pytest.mark.parametrize("error", [FetchError("u", "why", transient=True), KeyError("x"), SystemExit(7)])
def test_what_a_step_raises_is_raised(mirrored: Mirrored, cluster: Cluster, error: BaseException) -> None:
    mirror = made(on(mirrored, cluster))
    try:
        with pytest.raises(type(error)) as caught:
            list(mirror.engine.run(fails, [error]))
        assert str(caught.value) == str(error)
        # And the engine goes on, in the workers.
        results = list(mirror.engine.run(emits_then_returns, range(3)))
        assert len(results) == 6 and (0, os.getpid()) not in results
        with pytest.raises(RuntimeError, match="Unsendable: 1 2"):
            list(mirror.engine.run(raises_unsendable, [1]))
    finally:
        mirror.close()


def test_a_run_that_is_given_up_leaves_nothing_to_the_next_one(mirrored: Mirrored, cluster: Cluster) -> None:
    mirror = made(on(mirrored, cluster))
    try:
        run = mirror.engine.run(tells_its_share, range(100))
        next(run)
        run.close()
        results = list(mirror.engine.run(emits_then_returns, range(50)))
        assert sorted(first for first, _ in results if first != "event") == list(range(50))
        assert os.getpid() not in {pid for first, pid in results if first != "event"}
    finally:
        mirror.close()


@pytest.mark.heavy
def test_a_task_that_kills_workers_is_done_by_the_coordinator_at_last(mirrored: Mirrored, own: Cluster) -> None:
    for _ in range(5):
        own.worker(1)
    mirror = made(on(mirrored, own))
    try:
        joined(mirror, 5)
        tasks = [(number, os.getpid()) for number in range(40)]
        assert sorted(mirror.engine.run(dies_elsewhere, tasks)) == list(range(40))
    finally:
        mirror.close()


@pytest.fixture
def held(filled: Upstream) -> Iterator[threading.Semaphore]:
    """Have a file of each project come only when the semaphore lets it."""
    hold = threading.Semaphore(0)
    page = filled.respond

    def respond(path: str, headers: Any) -> Any:
        if "-2-" in path and not path.endswith(".metadata"):
            hold.acquire(timeout=600)
        return page(path, headers)

    filled.respond = respond  # type: ignore[method-assign]
    yield hold
    hold.release(1000)


@contextmanager
def synced_meanwhile(mirrored: Mirrored, cluster: Cluster, seconds: float, **settings: Any) -> Iterator[None]:
    """Sync while something happens; after that it takes so many seconds at most, says nothing, and all is there."""
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=600)
    asked = subprocess.Popen([sys.executable, "-m", "pypimirror", on(mirrored, cluster, **settings).write(), "sync"],
                             stderr=subprocess.PIPE, text=True)
    try:
        yield
        _, said = asked.communicate(timeout=seconds)
    finally:
        asked.kill()
        asked.wait()
    assert (asked.returncode, said) == (0, "")
    assert mirrored.untrue() == []
    assert len(list(mirrored.root.rglob("*.whl"))) == 60


@pytest.mark.heavy
def test_a_worker_killed_in_the_middle_of_a_run_loses_nothing(
        mirrored: Mirrored, filled: Upstream, own: Cluster, held: threading.Semaphore) -> None:
    workers = [own.worker(), own.worker()]
    with synced_meanwhile(mirrored, own, 100):
        # Both have projects in hand.
        with Client(own.address, set_as_default=False) as client:
            wait_for(lambda: any("-2-" in path for path in filled.requests)
                     and len(tasks := client.processing()) == 2 and all(tasks.values()))
        workers[0].kill()
        workers[0].wait()
        held.release(1000)
    assert mirrored.command("verify").returncode == 0


@pytest.mark.heavy
def test_a_scheduler_that_goes_leaves_the_work_to_the_coordinator(
        mirrored: Mirrored, filled: Upstream, own: Cluster, held: threading.Semaphore) -> None:
    worker = own.worker()
    # The client tries to reach the scheduler again for that long.
    with synced_meanwhile(mirrored, own, 150, timeout=8):
        wait_for(lambda: any("-2-" in path for path in filled.requests))
        own.scheduler.kill()
        worker.kill()
        held.release(1000)


def refused(mirrored: Mirrored) -> str:
    """Sync; give the one line that it ends with, before anything was touched."""
    done = mirrored.command("sync")
    assert done.returncode == 2
    assert not mirrored.root.exists()
    (line,) = done.stderr.splitlines()
    return line


def test_a_missing_scheduler_is_one_line(mirrored: Mirrored, filled: Upstream) -> None:
    mirrored.settings["engine"] = "dask"
    assert "scheduler: engine = dask needs the address of one" in refused(mirrored)
    mirrored.settings["scheduler"] = "localhost"
    assert "scheduler = 'localhost': must be an address such as tcp://" in refused(mirrored)


@pytest.mark.heavy
def test_an_unreachable_scheduler_is_one_line(mirrored: Mirrored, filled: Upstream, own: Cluster) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mirrored.settings |= {"engine": "dask", "scheduler": f"tcp://127.0.0.1:{taken.getsockname()[1]}", "timeout": 1}
        assert f"scheduler = {mirrored.settings['scheduler']}: there is no scheduler to be reached" in refused(mirrored)
    assert "it has no workers" in refused(on(mirrored, own, timeout=1))


def test_a_missing_extra_is_one_line(mirrored: Mirrored, filled: Upstream, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "distributed.py").write_text("raise ModuleNotFoundError(name='distributed')\n")
    mirrored.settings |= {"engine": "dask", "scheduler": "tcp://127.0.0.1:9"}
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "hidden"), os.environ.get("PYTHONPATH", "")])}
    done = mirrored.command("sync", env=environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("pypimirror: engine = 'dask': needs distributed, which is not installed; it comes with "
                           "z3c.recipe.pypimirror[dask]\n")
    assert not mirrored.root.exists()


@pytest.mark.parametrize("without", ["scheduler", "worker"])
@pytest.mark.heavy
def test_a_cluster_without_the_package_is_one_line(
        mirrored: Mirrored, filled: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "pypimirror.py").write_text("raise ModuleNotFoundError('there is no pypimirror')\n")
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster", first=(blocked,) if without == "scheduler" else ())
    try:
        cluster.worker(first=(blocked,) if without == "worker" else ())
        done = on(mirrored, cluster).command("sync")
        assert done.returncode == 2
        who = "it" if without == "scheduler" else r"the worker at tcp://\S+"
        told = rf"pypimirror: scheduler = {cluster.address}: {who} can't do the work: .*no pypimirror.*\n"
        assert re.fullmatch(told, done.stderr)
        assert not mirrored.root.exists()
    finally:
        cluster.close()


def test_a_worker_that_sees_another_place_is_one_line(mirrored: Mirrored, filled: Upstream, cluster: Cluster) -> None:
    # As on a machine of its own: the worker's working directory is another one, and so is what a path there means.
    mirror = made(on(mirrored, cluster))
    try:
        mirror.storage.prepare()
        values = {**mirror.settings, "mirror_file_path": str(mirrored.root.parent / "elsewhere")}
        mirror.settings._values.update(values)
        with pytest.raises(Exception, match=r"the worker at tcp://.*no mirror is there as the worker sees it"):
            list(mirror.engine.run(tells_its_share, [1]))
    finally:
        mirror.close()
