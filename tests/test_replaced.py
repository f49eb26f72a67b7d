"""Files that upstream replaced by others of the same name: no page ever tells of one while the other lies there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from pypimirror.sync import refused_files
from pypimirror.sync.publish import PublishResult
from pypimirror.sync.result_recorder import ResultRecorder
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

pytestmark = pytest.mark.storages

NAME = wheel("one", "1")[0]
PATH = f"/files/one/{NAME}"


@pytest.fixture
def replaced(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror whose upstream has put another file under the name of one since the last run."""
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    upstream.add("one", wheel("one", "1", body="other = 1\n"))
    upstream.asked()
    return mirrored


def watched(mirrored: Mirrored, upstream: Upstream, seen: list[str]) -> Callable[[Any], None]:
    """Give an answer that looks at the pages while it is asked for."""

    def answer(handler: Any) -> None:
        seen.extend(["looked", *mirrored.untrue()])
        handler.reply(*upstream.respond(handler.path, handler.headers))

    return answer


@pytest.mark.bucket
def test_it_comes_in_one_run_and_the_old_one_waits_in_the_trash(replaced: Mirrored, upstream: Upstream) -> None:
    seen: list[str] = []
    upstream.answers[PATH] = watched(replaced, upstream, seen)
    assert replaced.run("-U") == 0
    assert seen == ["looked"]
    assert replaced.untrue() == []
    assert (replaced.root / "one" / NAME).read_bytes() == upstream.projects["one"][NAME].body
    assert [path.read_bytes() for path in (replaced.root / ".pypimirror/trash").rglob("*.whl")] == [wheel("one", "1")[1]]
    assert upstream.asked().count(PATH) == 1
    assert replaced.run("-U") == 0
    assert upstream.asked() == ["/simple/"]


def test_pages_about_all_projects_know_of_it_though_the_run_was_cut_off(
        replaced: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    published = ResultRecorder.published

    def cut_off(self: ResultRecorder, found: PublishResult, hold: bool = False) -> bool:
        if NAME in full() or found.again:
            return published(self, found, hold)
        raise KeyboardInterrupt  # its page is there and nothing of that is remembered yet

    def full() -> str:
        return (replaced.root / "full.html").read_text()

    with monkeypatch.context() as patch:
        patch.setattr(ResultRecorder, "published", cut_off)
        assert replaced.run("-U") == 130
    assert NAME in (replaced.root / "one/index.html").read_text()
    assert NAME not in full()
    assert replaced.run("-U") == 0
    assert NAME in full()
    assert replaced.untrue() == []


def test_one_that_cant_be_had_leaves_nothing_of_the_old_one_in_the_folder(replaced: Mirrored, upstream: Upstream) -> None:
    upstream.answers[PATH] = (500, {}, b"")
    assert replaced.run("-U") == 1
    assert replaced.files("one") == ["one-2-py3-none-any.whl"]
    assert replaced.untrue() == []
    assert not list((replaced.root / "one").glob(f"{NAME}*"))
    del upstream.answers[PATH]
    assert replaced.run("-U") == 0
    assert replaced.files("one") == [NAME, "one-2-py3-none-any.whl"]


def test_one_that_was_replaced_back_comes_from_the_trash(replaced: Mirrored, upstream: Upstream) -> None:
    assert replaced.run("-U") == 0
    upstream.add("one", wheel("one", "1"))
    upstream.asked()
    assert replaced.run("-U") == 0
    assert PATH not in upstream.asked()
    assert (replaced.root / "one" / NAME).read_bytes() == wheel("one", "1")[1]
    assert replaced.untrue() == []


def test_a_file_damaged_here_that_cant_be_had_again_leaves_the_folder(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    assert mirrored.run("sync") == 0
    (mirrored.root / "one" / NAME).write_bytes(b"torn")
    upstream.answers[PATH] = (500, {}, b"")
    upstream.touch("one")
    assert mirrored.run("-I") == 1
    assert mirrored.untrue() == []
    assert not (mirrored.root / "one" / NAME).exists()
    del upstream.answers[PATH]
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("one")) == 2


def test_replacements_are_refused_on_demand(mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    """The mirror keeps its own file, the other one in the trash, and tells both hashes in each run.

    The key taken back, one run takes the new one.
    """
    filename, first = sdist("demo", "1.0")
    second = first + bytes(8)
    hashes = [hashlib.sha256(body).hexdigest() for body in (first, second)]
    upstream.add("demo", (filename, first))
    report = mirrored.root.parent / "report.json"
    mirrored.settings |= {"replaced": "refuse", "report_filename": report}
    assert mirrored.run("sync") == 0
    upstream.add("demo", (filename, second))
    for number in range(2):
        assert mirrored.run("sync") == 0
        kept = [each for each in json.loads(report.read_text())["notices"] if "is in the trash" in each]
        assert len(kept) == 1 - number  # it is fetched once
        (problem,) = json.loads(report.read_text())["problems"]
        assert hashes[0] in problem["message"] and hashes[1] in problem["message"]
        assert (mirrored.root / "demo" / filename).read_bytes() == first
        assert mirrored.page("demo")["files"][0]["hashes"]["sha256"] == hashes[0] and not mirrored.untrue()
    capsys.readouterr()
    mirrored.run("trash", "list", "--json")
    (waiting,) = json.loads(capsys.readouterr().out)
    assert (waiting["file"], waiting["refused"], waiting["bytes"]) == (filename, hashes[1], len(second))
    mirrored.run("trash", "list")
    assert f"refused: sha256 {hashes[1]}" in capsys.readouterr().out
    (path,) = (mirrored.root / ".pypimirror/trash").rglob(f"{hashes[1]}.refused")
    assert path.read_bytes() == second
    assert mirrored.run("trash", "restore", "demo") == 1  # it was never in the mirror
    mirrored.settings["replaced"] = None
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "demo" / filename).read_bytes() == second and not mirrored.untrue()


def test_what_is_kept_of_refused_files_is_bounded_and_expires(mirrored: Mirrored, upstream: Upstream,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    filename, first = sdist("demo", "1.0")
    report = mirrored.root.parent / "report.json"
    mirrored.settings |= {"replaced": "refuse", "report_filename": report, "trash_days": 0}
    upstream.add("demo", (filename, first))
    assert mirrored.run("sync") == 0
    monkeypatch.setattr(refused_files, "_MOST", 2)

    def told() -> str:
        assert mirrored.run("sync") == 0
        (notice,) = [each for each in json.loads(report.read_text())["notices"] if "refused file" in each]
        return str(notice)

    for number in range(3):
        upstream.add("demo", (filename, first + bytes(number + 1)))
        assert ("not kept, since" if number == 2 else "is in the trash") in told()
    trash = mirrored.root / ".pypimirror/trash"
    (day,) = trash.iterdir()
    day.rename(trash / "2020-01-01")
    upstream.answers[f"/files/demo/{filename}"] = (500, {}, b"")
    assert "not kept" in told()  # what it has expires at the end of the run
    assert "can't be kept" in told()
    assert not list(trash.rglob("*.refused*"))


def test_status_names_quarantined_projects(mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        upstream.add(name, sdist(name, "1.0"))
    assert mirrored.run("sync") == 0
    upstream.statuses["two"] = {"status": "quarantined"}
    upstream.touch("two")
    assert mirrored.run("sync") == 0
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["quarantined"] == ["two"]
    assert mirrored.run("status") == 0
    assert "quarantined    two" in capsys.readouterr().out


@pytest.mark.parametrize("matches", ["*", None])
def test_a_file_stays_whose_pin_allows_it_alone(mirrored: Mirrored, upstream: Upstream, matches: str | None) -> None:
    first, second = wheel("one", "1"), wheel("one", "1", body="other = 1\n")
    hashes = [hashlib.sha256(body).hexdigest() for _, body in (first, second)]
    pins = mirrored.root.parent / "pins.txt"
    pins.write_text(f"one==1 --hash=sha256:{hashes[0]}\n")
    mirrored.settings |= {"package_matches": matches, "requirements": pins, "build_requirements": "False"}
    upstream.add("one", first)
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    upstream.add("one", second)
    report = mirrored.root.parent / "report.json"
    for _ in range(2):
        assert mirrored.run("-U", "--report", str(report)) == 0
        assert mirrored.page("one")["files"][0]["hashes"]["sha256"] == hashes[0]
        assert mirrored.untrue() == []
        (problem,) = json.loads(report.read_text())["problems"]
        assert all(each in problem["message"] for each in (*hashes, "since its pin allows only that"))
    pins.write_text(f"one==1 --hash=sha256:{hashes[0]} --hash=sha256:{hashes[1]}\n")
    assert mirrored.run("-U") == 0
    assert mirrored.page("one")["files"][0]["hashes"]["sha256"] == hashes[1]
    assert mirrored.untrue() == []
