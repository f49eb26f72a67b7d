"""Mirrors that go on elsewhere, and locks and leavings of processes that are dead."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


def moved(mirrored: Mirrored, target: Path, copied: bool) -> Mirrored:
    """Move or copy a mirror with its configuration; ``target`` is the new directory of both."""
    target.mkdir(parents=True)
    (shutil.copytree if copied else shutil.move)(str(mirrored.root), str(target / "mirror"))
    there = Mirrored(target / "mirror", "")
    there.settings = {**mirrored.settings, "mirror_file_path": there.root}
    return there


@pytest.mark.parametrize("copied", [True, False])
def test_a_mirror_in_another_directory_goes_on(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, copied: bool, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("One.Two", "three"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"), wheel(name, "2"))
    mirrored.settings["base_url"] = "https://pypi.example.com"
    assert mirrored.run("sync") == 0
    upstream.remove("three", wheel("three", "1")[0])
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    there = moved(mirrored, tmp_path / "other host/deep er", copied)
    upstream.asked()
    assert there.run("sync") == 0
    assert upstream.asked() == ["/simple/"]
    assert there.tree() == before
    assert there.run("verify") == 0
    upstream.add("three", wheel("three", "3"))
    assert there.run("sync") == 0
    assert [path for path in upstream.asked() if path.startswith("/files/")] == ["/files/three/three-3-py3-none-any.whl"]
    assert there.run("trash", "restore", "three") == 0
    assert len(there.files("three")) == 4
    assert there.untrue() == []
    assert str(mirrored.root).encode() not in b"".join(there.tree().values())
    capsys.readouterr()


@pytest.mark.parametrize("heap", [True, False])
def test_a_mirror_of_a_directory_goes_on_when_both_are_moved(mirrored: Mirrored, tmp_path: Path, heap: bool) -> None:
    """An index of files is known by where it lies; what is here stays and is not copied again."""
    index = tmp_path / "index"
    for name in ("one", "two"):
        for filename, body in (wheel(name, "1"), sdist(name, "1")):
            path = index / filename if heap else index / name / filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    if not heap:
        other = Mirrored(tmp_path / "first/mirror", str(index))
        other.root.parent.mkdir()
        assert other.run("sync") == 0
        index = other.root
    mirrored.settings["index_url"] = index
    assert mirrored.run("sync") == 0
    before = {path: body for path, body in mirrored.tree().items() if "index." not in path and "full" not in path}
    assert len([path for path in before if path.endswith((".whl", ".gz"))]) == 4
    stamps = {path: (mirrored.root / path).stat().st_ino for path in before}
    there = moved(mirrored, tmp_path / "elsewhere", False)
    shutil.move(index, tmp_path / "elsewhere/index")
    there.settings["index_url"] = tmp_path / "elsewhere/index"
    assert there.run("sync") == 0
    assert {path: there.tree().get(path) for path in before} == before
    assert {path: (there.root / path).stat().st_ino for path in before} == stamps
    assert there.untrue() == []
    assert there.run("verify") == 0


def test_a_state_elsewhere_is_moved_by_itself(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    mirrored.settings["state_path"] = tmp_path / "state"
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    shutil.move(tmp_path / "state", tmp_path / "new place")
    mirrored.settings["state_path"] = tmp_path / "new place"
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert upstream.asked() == ["/simple/"]


def test_a_mirror_that_comes_without_its_log_and_lock_goes_on(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    for path in (mirrored.root / ".pypimirror").iterdir():
        if path.name != "state.sqlite" and path.is_file():
            path.unlink()
    shutil.rmtree(mirrored.root / ".pypimirror/tmp")
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert upstream.asked() == ["/simple/"]


@pytest.mark.parametrize("left", [b"", b" 1\n", b"junk \xff", f" {os.getpid()}\n".encode()],
                         ids=["empty", "another", "junk", "own"])
def test_a_lock_file_that_nobody_holds_is_no_obstacle(mirrored: Mirrored, upstream: Upstream, left: bytes) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    (mirrored.root / ".pypimirror/lock").write_bytes(left)
    upstream.add("one", wheel("one", "2"))
    assert mirrored.run("sync") == 0
    assert len(mirrored.files("one")) == 2


def test_a_lock_is_free_as_soon_as_its_holder_is_dead_and_no_sooner(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    held = []

    def hold(handler: object) -> None:
        held.append(handler)
        while process.poll() is None:
            time.sleep(0.01)

    upstream.answers["/simple/"] = hold
    process = subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "sync"], stderr=subprocess.DEVNULL)
    while not held and process.poll() is None:
        time.sleep(0.01)
    assert mirrored.command("sync").returncode == 3
    process.send_signal(signal.SIGKILL)
    process.wait()
    del upstream.answers["/simple/"]
    assert mirrored.command("sync").returncode == 0
    assert mirrored.files("one")
