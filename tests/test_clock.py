"""Clocks that jump: set back, far ahead for one run or for good."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

DAY = 86400.0
YEARS = 30 * 366 * DAY
_now = time.time


class Clock:
    """The clock of the machine, as far as this process knows; ``ahead`` says by how many seconds it is wrong."""

    ahead = 0.0

    def __call__(self) -> float:
        return _now() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made)
    return made


def trashed(mirrored: Mirrored) -> list[str]:
    return sorted(path.name for path in (mirrored.root / ".pypimirror/trash").rglob("*.whl"))


def log(mirrored: Mirrored) -> str:
    return (mirrored.root / ".pypimirror/pypimirror.log").read_text()


@pytest.mark.parametrize("ahead", [-YEARS, -40 * DAY, 40 * DAY, YEARS])
def test_a_run_sees_what_changed_whatever_the_clock_says(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, ahead: float) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    serials = []
    for number, offset in enumerate((0, ahead, 0, ahead, 0)):
        clock.ahead = offset
        upstream.add("one", wheel("one", f"{number + 2}"))
        assert mirrored.run("sync") == 0
        assert len(mirrored.files("one")) == number + 2
        assert mirrored.untrue() == []
        serials.append(mirrored.page("one")["meta"]["_last-serial"])
    assert serials == sorted(set(serials))  # clients that know our serials see each change
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert upstream.asked() == ["/simple/"]


def test_a_jump_ahead_empties_no_trash_and_what_was_put_there_meanwhile_waits_its_days(
        mirrored: Mirrored, upstream: Upstream, clock: Clock) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"), wheel("one", "3"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    upstream.remove("one", wheel("one", "1")[0])
    assert mirrored.run("sync") == 0
    clock.ahead = YEARS
    upstream.remove("one", wheel("one", "2")[0])
    assert mirrored.run("sync") == 0
    assert trashed(mirrored) == [wheel("one", "1")[0], wheel("one", "2")[0]]
    assert "clock jump: last run " in log(mirrored)
    clock.ahead = 0
    upstream.touch("one")
    assert mirrored.run("sync") == 0
    assert "clock set back: last run " in log(mirrored)
    assert len(trashed(mirrored)) == 2
    assert len(list((mirrored.root / ".pypimirror/trash").iterdir())) == 1
    clock.ahead = 29 * DAY
    assert mirrored.run("sync") == 0
    assert len(trashed(mirrored)) == 2
    clock.ahead = 32 * DAY
    assert mirrored.run("sync") == 0
    assert trashed(mirrored) == []


def test_after_a_pause_of_years_the_trash_is_emptied_by_the_second_run(
        mirrored: Mirrored, upstream: Upstream, clock: Clock) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    assert mirrored.run("sync") == 0
    upstream.remove("one", wheel("one", "1")[0])
    assert mirrored.run("sync") == 0
    clock.ahead = YEARS
    assert mirrored.run("sync") == 0
    assert len(trashed(mirrored)) == 1
    assert mirrored.run("sync") == 0
    assert trashed(mirrored) == []


def test_what_was_let_in_by_a_clock_far_ahead_is_held_back_again(
        mirrored: Mirrored, upstream: Upstream, clock: Clock) -> None:
    mirrored.settings["min_age"] = "14d"
    upstream.add("one", wheel("one", "1"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("one", wheel("one", "2"), upload_time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_now())))
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == [wheel("one", "1")[0]]
    clock.ahead = YEARS
    assert mirrored.run("sync") == 0
    assert len(mirrored.files("one")) == 2
    clock.ahead = 0
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == [wheel("one", "1")[0]]
    assert mirrored.untrue() == []
    clock.ahead = 15 * DAY
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert len(mirrored.files("one")) == 2
    assert [path for path in upstream.asked() if path.startswith("/files/")] == []


@pytest.mark.parametrize("jump", [YEARS, -YEARS])
def test_a_release_that_was_pinned_stays_as_long_as_it_should(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path, jump: float) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    mirrored.settings |= {"package_matches": None, "versions": "versions.cfg"}

    def pin(version: str) -> None:
        (tmp_path / "versions.cfg").write_text(f"[versions]\none = {version}\n")

    pin("1")
    assert mirrored.run("sync") == 0
    pin("2")
    for ahead in (0, jump, 0, 80 * DAY):
        clock.ahead = ahead
        assert mirrored.run("sync") == 0
        assert len(mirrored.files("one")) == 2
    for ahead in (180 * DAY,):
        clock.ahead = ahead
        assert mirrored.run("sync") == 0
    assert mirrored.files("one") == [wheel("one", "2")[0]]


def test_a_last_good_run_in_the_future_is_no_good_sign(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("one", sdist("one", "1"))
    clock.ahead = YEARS
    assert mirrored.run("sync") == 0
    assert mirrored.run("status", "--max-age", "12") == 0
    clock.ahead = 0
    assert mirrored.run("status", "--max-age", "12") == 1
    assert mirrored.run("sync") == 0
    assert mirrored.run("status", "--max-age", "12") == 0
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["last_status"] == 0
