"""A first fetch above ``confirm_above`` needs a confirmation; every other run goes on."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from typing import Any

import pytest

from pypimirror.settings import quantities
from pypimirror.sync import first_fetch, pipeline
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def two(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of two projects that was not filled yet."""
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["confirm_above"] = "1 projects"
    return mirrored


def stored(mirrored: Mirrored) -> list[str]:
    return sorted(path.name for path in mirrored.root.rglob("*.whl"))


@pytest.mark.parametrize("limit, message", [
    ("1 projects", "first fetch: 2 projects; their size is known when all of their pages are read, as plan does: "
                   "more than confirm_above = 1 projects; nothing was fetched"),
    ("0.1K 5 projects", "first fetch: 2 projects, 2 files with "),
    ("0", "more than confirm_above = 0; nothing was fetched"),
])
@pytest.mark.parametrize("arguments", [["sync"], ["-I"], ["-U", "-q"], ["sync", "one", "two"]], ids=" ".join)
def test_without_a_terminal_it_is_refused_and_nothing_is_fetched(
        two: Mirrored, upstream: Upstream, capsys: Captured, arguments: list[str], limit: str, message: str) -> None:
    two.settings["confirm_above"] = limit
    for _ in range(2):  # what the first one has read does not open the way for the second
        assert two.run(*arguments) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert message in line
        assert line.endswith("check it with plan, select less, or confirm it with --yes")
    assert two.paths() == []
    assert not [path for path in upstream.asked() if path.startswith("/files/")]
    assert two.run(*arguments, "--yes") == 0
    assert len(stored(two)) == 2


@pytest.mark.parametrize("limit", ["never", "2 projects", "10G", "10G or 5,000 projects", None])
def test_at_most_the_limit_is_fetched_without_a_question(two: Mirrored, limit: str | None) -> None:
    two.settings["confirm_above"] = limit
    assert two.run("sync") == 0
    assert len(stored(two)) == 2


def test_a_mirror_that_has_files_is_never_asked(two: Mirrored, upstream: Upstream) -> None:
    two.settings["package_matches"] = "one"
    upstream.answers["/simple/one/"] = (500, {}, b"")
    assert two.run("sync") == 1  # not a good run, and without a file: it is asked again below
    del upstream.answers["/simple/one/"]
    assert two.run("sync") == 0
    two.settings["package_matches"] = "*"
    assert two.run("-U") == 0
    assert len(stored(two)) == 2


def test_a_mirror_whose_state_is_lost_and_one_that_was_adopted_are_not_asked(two: Mirrored) -> None:
    assert two.run("sync", "--yes") == 0
    for path in (two.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    assert two.run("-U") == 0
    old = two.root.rename(two.root.parent / "old")
    shutil.rmtree(old / ".pypimirror")
    assert two.run("adopt", str(old)) == 0
    assert two.run("-U") == 0


def test_a_confirmed_fetch_that_was_cut_off_goes_on_without_a_question(two: Mirrored, upstream: Upstream) -> None:
    upstream.answers |= dict.fromkeys((f"/files/{name}/{wheel(name, '1')[0]}" for name in ("one", "two")), (500, {}, b""))
    assert two.run("sync", "--yes") == 1
    assert stored(two) == []
    upstream.answers.clear()
    assert two.run("-U") == 0
    assert len(stored(two)) == 2


@pytest.mark.parametrize("matches", ["one", "o*"])
def test_after_a_refusal_a_smaller_selection_is_fetched(two: Mirrored, matches: str) -> None:
    two.settings["confirm_above"] = "1K"
    assert two.run("sync") == 2
    two.settings |= {"package_matches": matches, "confirm_above": "1 projects"}
    assert two.run("sync") == 0
    assert stored(two) == [wheel("one", "1")[0]]


@pytest.mark.parametrize("engine, chunk", [("threads", 2), ("processes", 2), ("threads", 256)],
                         ids=["one step", "one step in other processes", "two steps"])
def test_small_projects_are_fetched_up_to_the_limit_and_it_is_asked_again_until_it_is_confirmed(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, monkeypatch: pytest.MonkeyPatch, engine: str,
        chunk: int) -> None:
    monkeypatch.setattr(first_fetch, "_SMALL", 8)  # up to 128 bytes
    monkeypatch.setattr(pipeline, "_CHUNK", chunk)  # 256 have no room in 1K at once
    monkeypatch.setattr(pipeline, "_SECONDS", 0)
    for name in [f"p{number:02}" for number in range(20)]:
        upstream.add(name, (f"{name}-1.tar.gz", b"x" * 100))
    upstream.add("a-larger", ("a-larger-1.tar.gz", b"x" * 129))
    mirrored.settings |= {"engine": engine, "workers": 1, "confirm_above": "1K"}
    fetched = []
    for run in ("sync", "-U", "-U"):
        assert mirrored.run(run) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert "are here: more than confirm_above = 1K; nothing more was fetched" in line
        fetched.append(sum(path.stat().st_size for path in mirrored.root.rglob("*.tar.gz")))
        assert not (mirrored.root / "a-larger").exists()
    assert 0 < fetched[0] <= fetched[1] <= fetched[2] <= 1024
    mirrored.settings["confirm_above"] = "1.5K"  # more than what is left, and less than all
    assert mirrored.run("-U") == 2
    assert mirrored.run("-U", "--yes") == 0
    assert len(list(mirrored.root.rglob("*.tar.gz"))) == 21
    assert mirrored.untrue() == []


def test_one_that_was_within_the_limit_and_failed_in_part_is_not_asked(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_fetch, "_SMALL", 4)
    upstream.add("one", ("one-1.tar.gz", b"x" * 100))
    upstream.add("two", ("two-1.tar.gz", b"x" * 400))
    mirrored.settings |= {"confirm_above": "1K", "package_matches": "*"}
    upstream.answers["/files/two/two-1.tar.gz"] = (500, {}, b"")
    assert mirrored.run("sync") == 1
    upstream.add("three", ("three-1.tar.gz", b"x" * 2000))  # the first fetch was within the limit
    del upstream.answers["/files/two/two-1.tar.gz"]
    assert mirrored.run("-U") == 0
    assert len(list(mirrored.root.rglob("*.tar.gz"))) == 3


@pytest.mark.parametrize("answer, status", [(b"y\n", 0), (b"YES\n", 0), (b"n\n", 2), (b"\n", 2), (b"\x04", 2)], ids=repr)
def test_on_a_terminal_it_is_asked(two: Mirrored, answer: bytes, status: int) -> None:
    leader, follower = os.openpty()
    with subprocess.Popen([sys.executable, "-m", "pypimirror", two.write(), "sync"], stdin=follower, stdout=follower,
                          stderr=follower) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                block = os.read(leader, 4096)
            except OSError:  # Linux says EIO when the other side is closed
                break
            shown += block
            if b"[y/N]" in shown and answer:
                os.write(leader, answer)
                answer = b""
    os.close(leader)
    assert process.returncode == status
    assert b"more than confirm_above = 1 projects\r\n" in shown
    assert (b"not confirmed; nothing was fetched" in shown) == bool(status)
    assert len(stored(two)) == (0 if status else 2)


def test_a_plan_and_pages_alone_are_not_asked(two: Mirrored) -> None:
    assert two.run("plan") == 0
    assert two.run("-i") == 0
    assert two.run("sync", "--dry-run", "--yes") == 0


@pytest.mark.parametrize("text, expected", [
    ("10G 5000 projects", (10 << 30, 5000)), ("10G or 5,000 projects", (10 << 30, 5000)),
    ("5000 projects 10G", (10 << 30, 5000)),
    ("500M", (500 << 20, None)), ("12", (None, 12)), ("Never", (None, None)), ("no", (None, None)),
])
def test_limits_are_sizes_and_numbers(text: str, expected: Any) -> None:
    found = quantities.fetch_limit(text, "")
    assert found[:2] == expected
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("text", ["many", "10G 20G", "1 2", "never 10G", "10 G B", "projects", "1.5", "-1", "5000 project"])
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size, a number of projects or both"):
        quantities.fetch_limit(text, "")
