"""A copy by rsync as docs/moving.rst makes it: looked at while the script is stopped at random instants."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import wheelhouse
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

#: So many changes of the mirror are copied; PYPIMIRROR_COPIES in the environment asks for more.
COPIES = int(os.environ.get("PYPIMIRROR_COPIES", "6"))
#: Seconds that the script goes on between two looks, at most.
_STEP = 0.01

pytestmark = pytest.mark.skipif(not (shutil.which("rsync") and shutil.which("flock")), reason="rsync or flock is not installed")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script as the documentation has it."""
    text = (wheelhouse.CHECKOUT / "docs" / "moving.rst").read_text(encoding="utf-8")
    (block,) = re.findall(r"code-block:: sh\n\n((?:    .*\n|\n)+)", text)
    path = tmp_path / "copy-mirror"
    path.write_text(textwrap.dedent(block).strip() + "\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def copying(script: Path, source: Path, target: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the script in a group of its own."""
    with subprocess.Popen([str(script), f"{source}/", str(target)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          start_new_session=True) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def stopped(group: int) -> None:
    """Stop all processes of a group and wait until they stand."""
    os.killpg(group, signal.SIGSTOP)
    for attempt in range(2000):
        states = set()
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, owner = path.read_text().rpartition(")")[2].split()[:3]
                if int(owner) == group:
                    states.add(state)
        # One that starts another one waits for it (D), even where that one is stopped already.
        if states <= set("TtZXD" if attempt > 40 else "TtZX"):
            return
        time.sleep(0.0005)
    raise AssertionError(f"still {states}")


def look(process: subprocess.Popen[str], copy: Mirrored) -> None:
    """Look at the copy while nobody works on it."""
    with contextlib.suppress(ProcessLookupError):
        stopped(process.pid)
        assert copy.untrue() == []
        os.killpg(process.pid, signal.SIGCONT)


def watched(script: Path, source: Mirrored, copy: Mirrored, chance: random.Random) -> int:
    """Run the script, stop it again and again, and look at the copy each time; return how often."""
    looks = 0
    with copying(script, source.root, copy.root) as process:
        while process.poll() is None:
            time.sleep(chance.uniform(0, _STEP))
            look(process, copy)
            looks += 1
        assert process.stdout is not None
        assert (process.returncode, process.stdout.read()) == (0, "")
    return looks


def changed(upstream: Upstream, number: int, chance: random.Random) -> None:
    """Let projects come, change and go."""
    for name in chance.sample(sorted(upstream.projects), 4):
        upstream.remove(name)
    for name in chance.sample(sorted(upstream.projects), 6):
        upstream.remove(name, *upstream.projects[name])
        upstream.add(name, wheel(name, f"{number}.1"), wheel(name, f"{number}.2"))
    for extra in range(6):
        name = f"Some.New{number}x{extra}"
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))


@pytest.fixture
def copied(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """The copy to be made of a mirror of thirty projects."""
    for number in range(30):
        upstream.add(f"Some.Project{number:02}", *(wheel(f"Some.Project{number:02}", f"0.{minor}") for minor in range(4)))
    mirrored.settings |= {"index_formats": "html json full legacy-json", "max_deletions": "100%", "trash_days": "0"}
    assert mirrored.run("sync") == 0
    return Mirrored(tmp_path / "copies" / "copy", upstream.url)


@pytest.mark.heavy
def test_the_copy_is_true_at_every_moment_and_in_the_end_the_same(
        script: Path, mirrored: Mirrored, copied: Mirrored, upstream: Upstream) -> None:
    copied.root.mkdir(parents=True)
    chance = random.Random(7)
    looks = 0
    for number in range(COPIES):
        if number:
            changed(upstream, number, chance)
            assert mirrored.run("-U") == 0
        looks += watched(script, mirrored, copied, chance)
        assert copied.tree() == mirrored.tree()
        assert not (copied.root / ".pypimirror").exists()
        assert not [path for path in copied.root.rglob("*") if path.is_dir() and not any(path.iterdir())]
    print(f"{COPIES} copies, {looks} looks")
    assert looks > 5 * COPIES


@pytest.mark.heavy
def test_the_mirror_may_change_while_it_is_copied(
        script: Path, mirrored: Mirrored, copied: Mirrored, upstream: Upstream) -> None:
    copied.root.mkdir(parents=True)
    chance = random.Random(8)
    ends: list[int] = []
    for number in range(1, max(2, COPIES // 2)):
        with copying(script, mirrored.root, copied.root) as process:
            for turn in range(2):
                changed(upstream, 10 * number + turn, chance)
                ends.append(mirrored.command("-U").returncode)
                look(process, copied)
            assert process.wait(60) == 0
        assert copied.untrue() == []
    assert set(ends) <= {0, 3}  # 3: while pages are copied
    assert mirrored.run("-U") == 0
    watched(script, mirrored, copied, chance)
    assert copied.tree() == mirrored.tree()


def test_no_run_begins_while_pages_are_copied(script: Path, mirrored: Mirrored, copied: Mirrored) -> None:
    copied.root.parent.mkdir(parents=True)
    lock = mirrored.root / ".pypimirror/lock"
    with subprocess.Popen(["flock", "--shared", str(lock), "cat"], stdin=subprocess.PIPE) as holder:
        while mirrored.run("-U") != 3:
            assert holder.poll() is None
        assert subprocess.run([str(script), mirrored.root, copied.root]).returncode == 0  # another copy at the same time
        assert holder.stdin is not None
        holder.stdin.close()
    assert mirrored.run("-U") == 0
    assert copied.tree() == mirrored.tree()


@pytest.mark.heavy
def test_a_copy_that_is_cut_off_is_true_and_goes_on(
        script: Path, mirrored: Mirrored, copied: Mirrored, upstream: Upstream) -> None:
    copied.root.mkdir(parents=True)
    chance = random.Random(9)
    for number in range(COPIES):
        with copying(script, mirrored.root, copied.root) as process:
            time.sleep(chance.uniform(0, 0.15))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert copied.untrue() == []
        changed(upstream, number + 1, chance)  # no file of an existing name
        while (status := mirrored.run("-U")) == 3:  # a killed process holds its lock for another moment
            time.sleep(0.01)
        assert status == 0
    assert subprocess.run([str(script), mirrored.root, copied.root]).returncode == 0
    assert copied.tree() == mirrored.tree()


@pytest.mark.parametrize("wrong", [
    # Pages first.
    "rsync -a --include='*/' --include=index.html --exclude='*' $1/ $2/; sleep 0.3; rsync -a --exclude=/.pypimirror $1/ $2/",
    # Files that went first, and then the pages that name them.
    "rsync -a --delete --exclude=/.pypimirror --exclude=index.html --exclude='*json' --exclude=full.html $1/ $2/; sleep 0.3"])
@pytest.mark.heavy
def test_another_order_would_not_do(
        mirrored: Mirrored, copied: Mirrored, upstream: Upstream, tmp_path: Path, script: Path, wrong: str) -> None:
    """That the looks see what they are for."""
    copied.root.mkdir(parents=True)
    if "--delete" in wrong:
        subprocess.run([str(script), mirrored.root, copied.root], check=True)
        changed(upstream, 1, random.Random(10))
        assert mirrored.run("-U") == 0
    other = tmp_path / "other-order"
    other.write_text(f"#!/bin/sh\n{wrong}\n")
    other.chmod(0o755)
    with pytest.raises(AssertionError):
        watched(other, mirrored, copied, random.Random(11))
