"""The safety brake: removals that are too many to be meant are held back, and what is new is added all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirrored import Mirrored
from upstream import JSON, Upstream, sdist, wheel

NAMES = [f"project-{number:02}" for number in range(30)]


@pytest.fixture
def full(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of thirty projects with two files each."""
    for name in NAMES:
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    assert mirrored.run("sync") == 0
    return mirrored


def published(mirrored: Mirrored) -> list[str]:
    return [path for path in mirrored.paths() if path.endswith((".whl", ".gz"))]


@pytest.mark.parametrize("body", [
    json.dumps({"meta": {"api-version": "1.0", "_last-serial": 9}, "projects": []}).encode(),
    b'{"meta": {"api-version": "1.0"}, "projects": [{"name": "project-00", "_last-serial": 1}, {"na',
    json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": NAMES[0], "_last-serial": 1}]}).encode(),
], ids=["empty", "cut off", "much smaller"])
def test_a_list_that_cant_be_right_removes_nothing(
        full: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], body: bytes) -> None:
    before = full.tree()
    upstream.answers["/simple/"] = (200, {"Content-Type": JSON}, body)
    for _ in range(2):
        upstream.asked()
        assert full.run("-U") == 4
        line = capsys.readouterr().err
        assert "upstream" in line or "not JSON" in line
        assert "--allow-deletions" in line
        assert len(upstream.asked()) < 5
        assert full.tree() == before
    del upstream.answers["/simple/"]
    assert full.run("-U") == 0
    assert full.tree() == before


def test_many_projects_gone_are_held_back_and_what_is_new_comes(
        full: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES[:12]:
        upstream.remove(name)
    upstream.add("newcomer", wheel("newcomer", "1"))
    before = published(full)
    for _ in range(2):
        assert full.run("-U") == 4
        assert "upstream's list lacks 12 of" in capsys.readouterr().err
        assert published(full) == sorted([*before, "newcomer/newcomer-1-py3-none-any.whl"])
    assert full.run("-U", "--allow-deletions") == 0
    assert len(published(full)) == 2 * 18 + 1
    assert not full.untrue()
    assert full.run("-U") == 0


def test_many_files_gone_from_pages_are_held_back(
        full: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES[:11]:
        upstream.remove(name, next(f for f in upstream.projects[name] if f.endswith(".whl")))
    before = full.tree()
    for _ in range(2):
        assert full.run("-U") == 4
        assert "would take away 11 of 60 files" in capsys.readouterr().err
        assert full.tree() == before
    assert full.run("-U", "--allow-deletions") == 0
    assert len(published(full)) == 49


def test_ten_may_go_and_a_larger_share_may_be_allowed(full: Mirrored, upstream: Upstream) -> None:
    for name in NAMES[:10]:
        upstream.remove(name, next(f for f in upstream.projects[name] if f.endswith(".whl")))
    assert full.run("-U") == 0
    assert len(published(full)) == 50
    for name in NAMES[10:25]:
        upstream.remove(name)
    full.settings["max_deletions"] = "90%"
    assert full.run("-U") == 0
    assert len({path.partition("/")[0] for path in published(full)}) == 15


def test_an_edited_configuration_is_not_held_back(full: Mirrored) -> None:
    full.settings["package_matches"] = "project-0*"
    assert full.run("-U") == 0
    assert len(published(full)) == 20


def test_quarantines_are_not_held_back(full: Mirrored, upstream: Upstream) -> None:
    for name in NAMES[:20]:
        upstream.statuses[name] = {"status": "quarantined"}
        upstream.touch(name)
    assert full.run("-U") == 0
    assert len(published(full)) == 20


def test_a_pin_file_from_a_url_that_drops_much_is_held_back_and_a_local_one_is_not(
        full: Mirrored, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pins = "[versions]\n" + "".join(f"{name} = 1\n" for name in NAMES)
    upstream.answers["/versions.cfg"] = (200, {}, pins.encode())
    full.settings |= {"package_matches": None, "versions": f"{upstream.host}/versions.cfg", "retain_days": 0,
                      "build_requirements": "False"}
    assert full.run("-U") == 0
    before = full.tree()
    few = "[versions]\n" + "".join(f"{name} = 1\n" for name in NAMES[:15])
    upstream.answers["/versions.cfg"] = (200, {}, few.encode())
    for _ in range(2):
        assert full.run("-U") == 4
        assert "upstream or a pin file would take away 15 of 30 projects" in capsys.readouterr().err
        assert {path: body for path, body in full.tree().items() if not path.startswith("pins/")} == {
            path: body for path, body in before.items() if not path.startswith("pins/")}
    (tmp_path / "local.cfg").write_text(few)
    full.settings["versions"] = "local.cfg"
    assert full.run("-U") == 0
    assert len(published(full)) == 30


def test_a_run_that_would_take_the_last_space_stops_and_the_next_goes_on(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES[:3]:
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["min_free"] = "900T"
    assert mirrored.run("sync") == 1
    assert "min_free keeps" in capsys.readouterr().err
    assert not mirrored.untrue()
    assert published(mirrored) == []
    del mirrored.settings["min_free"]
    assert mirrored.run("-U") == 0
    assert len(published(mirrored)) == 3
