"""Records that can't be read: what they told is found out again, nothing goes on their account, and nobody else waits."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from pypimirror.state.database import State
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

NAMES = ("Some.One", "two", "three", "four")
#: What stands where a record was.
BROKEN = {"no compression": b"junk", "no JSON": zlib.compress(b"{"), "nothing": b"",
          "other keys": zlib.compress(b'{"files": [], "x": 1}')}


@contextmanager
def opened(mirrored: Mirrored) -> Iterator[State]:
    state = State(str(mirrored.root / ".pypimirror"))
    state.open()
    yield state
    state.close()


def spoil(mirrored: Mirrored, record: bytes, *names: str) -> None:
    with opened(mirrored) as state:
        for name in names:
            state._db.execute("UPDATE records SET record = ? WHERE name = ?", (record, name))


def log(mirrored: Mirrored) -> str:
    return (mirrored.root / ".pypimirror/pypimirror.log").read_text()


def files(upstream: Upstream) -> list[str]:
    return [path for path in upstream.asked() if path.startswith("/files/")]


@pytest.fixture
def filled(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of four projects."""
    for name in NAMES:
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    assert mirrored.run("sync") == 0
    upstream.asked()
    return mirrored


@pytest.mark.parametrize("record", BROKEN.values(), ids=BROKEN)
def test_others_go_on_and_what_lies_here_is_not_downloaded_again(filled: Mirrored, upstream: Upstream, record: bytes) -> None:
    spoil(filled, record, "two", "three")
    before = filled.tree()
    for name in NAMES[:2]:
        upstream.add(name, wheel(name, "2"))
    assert filled.run("sync") == 0
    assert "two: unreadable record; rebuilding it from disk" in log(filled)
    assert "some-one: what was remembered" not in log(filled)
    assert sorted(path.rpartition("/")[2] for path in files(upstream) if "1" in path.rpartition("/")[2]) == []
    assert [len(filled.files(name)) for name in ("some-one", "two", "three")] == [3, 3, 2]
    assert {path for path in before if path not in filled.tree()} == set()
    assert filled.untrue() == []
    assert filled.run("verify") == 0
    upstream.asked()
    assert filled.run("sync") == 0
    assert upstream.asked() == ["/simple/"]


def test_it_is_told_of_a_project_that_has_nothing_new_as_soon_as_the_record_is_needed(
        filled: Mirrored, upstream: Upstream) -> None:
    spoil(filled, b"junk", "three")
    upstream.add("new", wheel("new", "1"))
    assert filled.run("sync") == 0  # the page of all files needs it
    assert "three: unreadable record; rebuilding it from disk" in log(filled)
    assert len(filled.files("three")) == 2
    assert filled.read("full.html").count("three-1") >= 2
    assert [path for path in files(upstream) if "three" in path] == []


@pytest.mark.parametrize("indexes", [True, False])
def test_nothing_is_removed_on_its_account_while_upstream_cant_be_asked(
        filled: Mirrored, upstream: Upstream, indexes: bool) -> None:
    filled.settings["create_indexes"] = indexes
    assert filled.run("sync") == 0
    spoil(filled, b"junk", "two")
    before = filled.tree()
    upstream.touch("two")
    upstream.answers["/simple/two/"] = (500, {}, b"")
    upstream.add("three", wheel("three", "2"))
    upstream.asked()
    assert filled.run("sync") == 1
    assert {path: filled.tree().get(path) for path in before if path.startswith("two/") and "index" not in path} == {
        path: body for path, body in before.items() if path.startswith("two/") and "index" not in path}
    assert (filled.root / "three/three-2-py3-none-any.whl").exists()
    assert filled.untrue() == []
    del upstream.answers["/simple/two/"]
    assert filled.run("sync") == 0
    assert [path for path in files(upstream) if path.startswith("/files/two/")] == []
    assert filled.untrue() == []


def test_a_project_that_has_nothing_here_is_looked_at_again(filled: Mirrored, upstream: Upstream) -> None:
    upstream.add("two", wheel("two", "2"))
    upstream.answers["/simple/two/"] = (500, {}, b"")
    assert filled.run("sync") == 1
    spoil(filled, b"junk", "two")
    for path in (filled.root / "two").iterdir():
        path.unlink()
    (filled.root / "two").rmdir()
    del upstream.answers["/simple/two/"]
    assert filled.run("sync") == 0
    assert len(filled.files("two")) == 3
    assert filled.untrue() == []


@pytest.mark.parametrize("arguments", [("-i",), ("-I",), ("sync", "two"), ("-U",)])
def test_every_kind_of_run_makes_up_for_it(filled: Mirrored, upstream: Upstream, arguments: tuple[str, ...]) -> None:
    spoil(filled, b"junk", "two", "some-one")
    before = filled.paths()
    upstream.touch("two")
    assert filled.run(*arguments) == 0
    assert filled.paths() == before
    assert files(upstream) == []
    assert filled.untrue() == []


def test_what_upstream_took_away_is_held_by_the_brake_as_ever(mirrored: Mirrored, upstream: Upstream) -> None:
    names = [f"p{number}" for number in range(30)]
    for name in names:
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    for name in names[:20]:
        upstream.remove(name)
    spoil(mirrored, b"junk", *names[:25])
    assert mirrored.run("sync") == 4
    assert all((mirrored.root / name / f"{name}-1-py3-none-any.whl").exists() for name in names)
    assert mirrored.untrue() == []


def test_a_plan_tells_of_it_and_leaves_the_state_alone(
        filled: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spoil(filled, b"junk", "two")
    upstream.add("two", wheel("two", "2"))
    capsys.readouterr()
    assert filled.run("plan", "--json") == 1
    plan = json.loads(capsys.readouterr().out)
    assert [one["filename"] for one in plan["fetch"]] == ["two-2-py3-none-any.whl"]
    assert [one["problem"].partition(":")[0] for one in plan["problems"]] == ["two"]
    with opened(filled) as state:
        assert state.record("two") == b"junk"


def test_pins_and_their_requirements_are_followed_past_it(filled: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "versions.cfg").write_text("[versions]\ntwo = 1\nthree = 1\n")
    filled.settings |= {"package_matches": None, "versions": "versions.cfg", "dependencies": "True",
                        "build_requirements": "False", "package_types": "wheel"}
    upstream.add("two", wheel("two", "1", requires=("four",)))
    assert filled.run("sync", "--allow-deletions") == 0
    spoil(filled, b"junk", "two", "three", "four")
    assert filled.run("-I") == 0
    assert {path.partition("/")[0] for path in filled.paths() if path.endswith(".whl")} == {"two", "three", "four"}
    assert filled.untrue() == []


def test_pages_about_all_projects_and_pin_files_that_are_not_wanted_go_without_a_memory(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", wheel("one", "1"))
    (tmp_path / "versions.cfg").write_text("[versions]\none = 1\n")
    mirrored.settings["versions"] = tmp_path / "versions.cfg"
    assert mirrored.run("sync") == 0
    assert [path for path in mirrored.paths() if path.startswith("pins/")]
    (mirrored.root / "pins/notes.txt").write_text("of the administrator")
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    mirrored.settings |= {"versions": None, "index_formats": "html"}
    assert mirrored.run("-U") == 0
    assert [path for path in mirrored.paths() if path.startswith("pins/")] == ["pins/notes.txt"]
    assert "full.html" not in mirrored.paths() and "index.v1_json" not in mirrored.paths()
    assert not mirrored.untrue()


def test_pages_about_all_projects_are_finished_also_where_the_memory_that_they_were_due_is_lost(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    upstream.add("one", wheel("one", "2"))
    with monkeypatch.context() as patch:
        patch.setattr("pypimirror.sync.publisher.write_roots", mock.Mock(side_effect=KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    assert mirrored.run("-U") == 0
    assert wheel("one", "2")[0] in mirrored.read("full.html")


def test_our_serials_go_on_without_a_memory(mirrored: Mirrored, upstream: Upstream) -> None:
    """Many runs within a second make them run ahead of the clock."""
    for version in range(6):
        upstream.add("one", wheel("one", str(version)))
        assert mirrored.run("-U") == 0
    before = mirrored.page("one")["meta"]["_last-serial"]
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    upstream.add("one", wheel("one", "9"))
    assert mirrored.run("-U") == 0
    assert mirrored.page("one")["meta"]["_last-serial"] > before
    assert json.loads(mirrored.read("index.v1_json"))["meta"]["_last-serial"] > before


def test_pages_about_all_projects_know_those_that_a_run_without_a_memory_was_not_about(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.read("full.html")
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    assert mirrored.run("sync", "one") == 0
    assert "two-1" in mirrored.read("full.html")
    assert mirrored.run("-U") == 0
    assert mirrored.read("full.html") == before
    assert mirrored.run("verify") == 0
