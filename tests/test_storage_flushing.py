"""Files are on disk before pages tell of them, pages before the list, and all of it before the state says that it is done."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pypimirror.errors import StorageError
from pypimirror.state.database import State
from pypimirror.storage import syncfs
from pypimirror.storage.atomic import replace
from pypimirror.storage.filesystem import FileSystem
from pypimirror.storage.syncfs import SyncFs, flush_file_system
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


class Disk:
    """Flushes when it is told to; says how many flushes began."""

    def __init__(self) -> None:
        self.began = 0
        self.arrived, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.broken = False

    def flush(self, path: str) -> None:
        self.began += 1
        self.arrived.release()
        self.go_on.acquire()
        if self.broken:
            raise OSError(5, "Input/output error", path)


def test_who_comes_while_a_flush_is_under_way_shares_the_next_one() -> None:
    disk, over = Disk(), []
    flush = SyncFs(disk.flush)

    def ask(number: int) -> threading.Thread:
        thread = threading.Thread(target=lambda: (flush("/srv"), over.append(number)))
        thread.start()
        return thread

    first = ask(0)
    assert disk.arrived.acquire(timeout=600)
    others = [ask(number) for number in range(1, 9)]
    disk.go_on.release()
    assert disk.arrived.acquire(timeout=600)
    first.join()
    assert over == [0]  # the others wrote after that one began
    disk.go_on.release(20)
    for thread in others:
        thread.join()
    assert sorted(over) == list(range(9))
    assert disk.began <= 3


@pytest.mark.parametrize("broken", [False, True])
def test_greenlets_go_on_during_a_slow_flush_and_share_the_next_one(broken: bool) -> None:
    pytest.importorskip("pycurl", reason="pycurl is not installed: the extra [fast]")
    from pypimirror.http.cooperation import Loop
    from pypimirror.http.curl_selector import CurlSelector

    disk, over = Disk(), []
    flush = SyncFs(disk.flush)
    threading.Timer(0.01, disk.go_on.release).start()
    flush("/srv")  # shows how slow it is
    disk.broken = broken
    loop = Loop(CurlSelector(1))

    def ask(number: int) -> None:
        try:
            flush("/srv")
        except OSError:
            over.append(-number)
        else:
            over.append(number)
        if len(over) == 9:
            loop.stop()

    def others() -> None:
        assert disk.arrived.acquire(timeout=600)  # the flush of the first one is under way
        for number in range(2, 10):
            loop.start(ask, number)
        loop.start(disk.go_on.release, 9)

    assert disk.arrived.acquire(timeout=600)
    loop.start(ask, 1)
    loop.start(others)
    loop.run()
    loop.close()
    flush.close()
    assert over[0] == (-1 if broken else 1)
    assert sorted(map(abs, over)) == list(range(1, 10))
    assert all((number < 0) == broken for number in over)
    assert disk.began == 3


def test_a_flush_that_fails_is_told_to_who_asked_and_serves_nobody_else() -> None:
    disk = Disk()
    disk.broken = True
    flush = SyncFs(disk.flush)
    disk.go_on.release(2)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            flush("/srv")
    assert disk.began == 2
    disk.broken = False
    disk.go_on.release()
    flush("/srv")


def test_what_is_not_there_cant_be_flushed(tmp_path: Path) -> None:
    flush_file_system(str(tmp_path))
    with pytest.raises(OSError, match="nowhere"):
        flush_file_system(str(tmp_path / "nowhere"))


class Step(NamedTuple):
    """One thing that was done: ``put``, ``remove``, ``flush``, ``commit``; and the path in the mirror."""

    what: str
    path: str = ""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """What is done to the disk and to the state, in order, as it goes on."""
    done: list[Step] = []
    place, move, remove, commit = FileSystem.place, FileSystem.move, FileSystem.remove, State.commit

    def placed(self: FileSystem, name: str, path: str) -> None:
        place(self, name, path)
        done.append(Step("put", path))

    def moved(self: FileSystem, path: str, target: str) -> None:
        move(self, path, target)
        if not path.startswith(".pypimirror/"):
            done.append(Step("remove", path))
        done.append(Step("put", target))

    def removed(self: FileSystem, path: str) -> None:
        if self.size(path) is not None and not path.startswith(".pypimirror/tmp/"):
            done.append(Step("remove", path))
        remove(self, path)

    def committed(self: State) -> None:
        if self._db.in_transaction:
            done.append(Step("commit"))
        commit(self)

    monkeypatch.setattr(FileSystem, "place", placed)
    monkeypatch.setattr(FileSystem, "move", moved)
    monkeypatch.setattr(FileSystem, "remove", removed)
    monkeypatch.setattr(State, "commit", committed)
    monkeypatch.setattr(syncfs, "flush_file_system", lambda path: done.append(Step("flush")))
    return done


def is_page(path: str) -> bool:
    return path.endswith(("index.html", "index.v1_json", "full.html"))


def out_of_order(steps: list[Step]) -> list[tuple[Step, Step]]:
    """Give pairs of what was done, and what had to be on disk before that and was not flushed."""
    wrong, loose = [], []
    for step in steps:
        folder, _, name = step.path.rpartition("/")
        for before in loose:
            inside, _, other = before.path.rpartition("/")
            trashed = before.path.startswith(".pypimirror/")
            if step.what == "commit":
                needed = True
            elif step.what == "put" and is_page(name):
                # Files before their pages, pages before the list.
                needed = before.what == "put" and not trashed and (not is_page(other) if folder else bool(inside))
            elif step.what == "remove" and is_page(name):
                needed = not inside and is_page(other)  # the list before pages
            elif step.what == "remove":
                needed = inside == folder and is_page(other)  # pages before their files
            else:
                needed = False
            if needed:
                wrong.append((step, before))
        if step.what == "flush":
            loose.clear()
        elif step.what != "commit":
            loose.append(step)
    return wrong


def fill(upstream: Upstream) -> None:
    for number in range(12):
        upstream.add(f"Some.Project{number}", wheel(f"Some.Project{number}", "1"), sdist(f"Some.Project{number}", "1"))


def test_each_step_is_on_disk_before_the_next_one(mirrored: Mirrored, upstream: Upstream, steps: list[Step]) -> None:
    fill(upstream)
    mirrored.settings["workers"] = 1
    assert mirrored.run("sync") == 0
    assert out_of_order(steps) == []
    assert {step.what for step in steps} == {"put", "flush", "commit"}
    for number in range(3):
        upstream.remove(f"Some.Project{number}")
    upstream.remove("Some.Project4", wheel("Some.Project4", "1")[0])
    upstream.add("Some.Project5", wheel("Some.Project5", "1", body="other = 1\n"))
    steps.clear()
    assert mirrored.run("sync", "--allow-deletions") == 0
    assert out_of_order(steps) == []
    gone = [step.path for step in steps if step.what == "remove"]
    assert len([path for path in gone if path.endswith(".whl")]) == 5
    assert "some-project0/index.html" in gone


def test_what_lies_on_disk_already_is_not_flushed(mirrored: Mirrored, upstream: Upstream, steps: list[Step]) -> None:
    fill(upstream)
    assert mirrored.run("sync") == 0
    steps.clear()
    assert mirrored.run("sync") == 0
    assert Step("flush") not in steps


def test_pages_that_cant_all_be_written_are_left_as_they_were(tmp_path: Path, steps: list[Step]) -> None:
    root = str(tmp_path)
    storage: Any = FileSystem({"mirror_file_path": root, "state_path": root, "lock_file_name": "", "log_filename": "",
                               "report_filename": None, "metrics_filename": None})
    storage.prepare()
    storage.write("one/index.html", [b"old"])

    def broken() -> Any:
        yield b"new"
        raise StorageError("no more")

    with pytest.raises(StorageError, match="no more"):
        replace(storage, {"one/index.html": [b"new"], "two/index.html": broken()})
    assert storage.read("one/index.html") == b"old"
    assert storage.listdir(".pypimirror/tmp") == []
    steps.clear()
    replace(storage, {"one/index.html": [b"new"], "two/index.html": [b"too"]})
    assert [step.what for step in steps] == ["flush", "put", "put"]
