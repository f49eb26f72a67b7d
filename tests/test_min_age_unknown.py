"""``min_age`` and files whose upload time upstream does not give: ``min_age_unknown``, notices, and what the state keeps."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from pypimirror.filters.age import MinAge
from pypimirror.sync import first_seen
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

DAY = 86400
FIRST, SECOND = wheel("one", "1"), wheel("one", "2")


class Clock:
    """The time by which files are seen and become old enough."""

    now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(first_seen, "time", found)
    monkeypatch.setattr(MinAge.__init__, "__defaults__", (found.time,))
    return found


def report(mirrored: Mirrored) -> dict[str, Any]:
    return json.loads(Path(mirrored.settings["report_filename"]).read_text())


def held(mirrored: Mirrored, tmp_path: Path, **settings: Any) -> Mirrored:
    mirrored.settings |= {"min_age": "7d", "min_age_unknown": "hold", "report_filename": tmp_path / "report.json", **settings}
    return mirrored


@pytest.mark.parametrize("json_pages", [True, False])
def test_hold_counts_from_when_a_file_was_first_seen_here(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path, json_pages: bool) -> None:
    upstream.json = json_pages
    upstream.add("one", FIRST)
    held(mirrored, tmp_path)
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == []
    clock.now += 3 * DAY
    upstream.add("one", SECOND)
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == []
    clock.now += 4 * DAY  # seven days after the first was seen, four after the second
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == [FIRST[0]]
    assert mirrored.run("-I") == 0
    assert mirrored.files("one") == [FIRST[0]]
    clock.now += 3 * DAY
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == [FIRST[0], SECOND[0]]


def test_another_file_under_a_known_name_is_a_new_upload(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path) -> None:
    upstream.add("one", FIRST)
    held(mirrored, tmp_path)
    assert mirrored.run("sync") == 0
    clock.now += 6 * DAY
    upstream.add("one", wheel("one", "1", body="other = 1\n"))
    assert mirrored.run("-U") == 0
    clock.now += 2 * DAY
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == []
    clock.now += 5 * DAY
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == [FIRST[0]]


def test_what_was_here_before_stays_also_without_a_memory(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path) -> None:
    upstream.json = False
    upstream.add("one", FIRST)
    assert mirrored.run("sync") == 0
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    held(mirrored, tmp_path)
    upstream.add("one", SECOND)
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == [FIRST[0]]


def test_a_clock_that_was_ahead_holds_nothing_longer(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path) -> None:
    clock.now += 400 * DAY
    upstream.add("one", FIRST)
    held(mirrored, tmp_path)
    assert mirrored.run("sync") == 0
    clock.now -= 400 * DAY
    assert mirrored.run("-I") == 0
    clock.now += 8 * DAY
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == [FIRST[0]]


@pytest.mark.parametrize(("unknown", "words"), [("old", "count as old"), ("hold", "held back from when they were first seen")])
def test_each_run_and_status_say_so(mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path,
                                    capsys: pytest.CaptureFixture[str], unknown: str, words: str) -> None:
    upstream.add("one", FIRST, SECOND)
    upstream.add("two", wheel("two", "1"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("exempt", wheel("exempt", "1"))
    held(mirrored, tmp_path, min_age_unknown=unknown, min_age_exempt="exempt")
    for _ in range(2):
        assert mirrored.run("-U") == 0
        (notice,) = [line for line in report(mirrored)["notices"] if "min_age" in line]
        assert "2 files of 1 projects" in notice and words in notice
    capsys.readouterr()
    assert mirrored.run("status") == 0
    assert words in capsys.readouterr().out
    assert mirrored.run("status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["without_upload_time"] == 2 and words in status["notices"][0]
    assert mirrored.files("two") == [wheel("two", "1")[0]] and mirrored.files("exempt") == [wheel("exempt", "1")[0]]
    mirrored.settings["min_age"] = None
    assert mirrored.run("-U") == 0
    assert not [line for line in report(mirrored)["notices"] if "min_age" in line]
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["without_upload_time"] == 0 and status["notices"] == []


def test_the_sites_own_distributions_are_never_held(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / FIRST[0]).write_bytes(FIRST[1])
    held(mirrored, tmp_path, local_packages=own)
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == [FIRST[0]]
    assert not [line for line in report(mirrored)["notices"] if "min_age" in line]


def test_a_pin_is_not_held(mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path) -> None:
    upstream.add("one", FIRST, SECOND)
    pins = tmp_path / "requirements.txt"
    pins.write_text("one==1\n")
    held(mirrored, tmp_path, requirements=pins)
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == [FIRST[0]]


def told(clock: Clock, days: float) -> str:
    """Return the time that was so many days ago, as upstream tells it."""
    return datetime.datetime.fromtimestamp(clock.now - days * DAY, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("unknown", ["old", "hold"])
def test_a_time_in_the_future_holds_a_file_no_longer_than_from_when_it_was_seen(
        mirrored: Mirrored, upstream: Upstream, clock: Clock, tmp_path: Path, unknown: str) -> None:
    upstream.add("one", FIRST, upload_time=told(clock, -400))
    upstream.add("one", SECOND, upload_time=told(clock, -3))
    held(mirrored, tmp_path, min_age_unknown=unknown)
    for days in (0, 4, 2.9):
        clock.now += days * DAY
        upstream.touch("one")
        assert mirrored.run("-U") == 0
        assert mirrored.files("one") == []
    for days in (0.2, 1):
        clock.now += days * DAY
        upstream.touch("one")
        assert mirrored.run("-U") == 0
        assert mirrored.files("one") == [FIRST[0], SECOND[0]]
