"""The safety brake: removals that are too many to be meant are held back, and what is new is added all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pypimirror.model import Change, Totals
from pypimirror.sync.brake import Removals, counted, has_pins_from_elsewhere, held, too_many
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, sdist, wheel

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


def test_a_changed_configuration_applies_to_projects_that_a_doubted_list_lacks(
        full: Mirrored, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Later lists have the serials that are known, so that no run would evaluate these projects."""
    pins = tmp_path / "pins.txt"
    pins.write_text(f"{NAMES[0]}==9\n")
    full.settings |= {"requirements": pins, "filename_excludes": "project_01-*.whl", "build_requirements": "False"}
    upstream.answers["/simple/"] = (200, {"Content-Type": JSON}, b'{"meta": {"api-version": "1.0"}, "projects": []}')
    before = published(full)
    assert full.run("-U") == 4
    capsys.readouterr()
    assert [path for path in before if path not in published(full)] == ["project-01/project_01-1-py3-none-any.whl"]
    del upstream.answers["/simple/"]
    assert full.run("-U") == 1
    assert f"{NAMES[0]}: pinned, but not available: 9" in capsys.readouterr().err
    assert full.untrue() == []


@pytest.mark.heavy
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


@pytest.mark.heavy
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


@pytest.mark.heavy
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


@pytest.mark.parametrize(("change", "of_upstream", "with_pins"), [
    (Change("x", remove=3, remove_upstream=2), (0, 2), (0, 3)),
    (Change("x", remove=3, remove_upstream=2, quarantined=True), (0, 2), (0, 2)),
    (Change("x", remove=1, project_removed=True), (0, 0), (1, 1)),
    (Change("x", project_removed=True, removed_upstream=True), (1, 0), (1, 0)),
    (Change("x", removed_upstream=True), (0, 0), (0, 0)),
    (Change("x", fetch=5, rewrite=True), (0, 0), (0, 0))])
def test_which_removals_count(change: Change, of_upstream: tuple[int, int], with_pins: tuple[int, int]) -> None:
    assert counted([change], pins=False) == of_upstream
    assert counted([change], pins=True) == with_pins
    assert counted([change, change], pins=True) == tuple(2 * number for number in with_pins)


@pytest.mark.parametrize(("projects", "files", "total", "told"), [
    (10, 10, 10, None), (11, 0, 110, None), (11, 0, 109, "11 of 109 projects"), (0, 11, 110, None),
    (0, 12, 110, "12 of 110 files"), (11, 12, 20, "11 of 20 projects and 12 of 20 files"), (0, 0, 0, None)])
def test_how_many_removals_are_too_many(projects: int, files: int, total: int, told: str | None) -> None:
    assert too_many(Removals(projects, files), Totals(total, total, 0), 0.1) == told


def test_the_line_about_removals_says_whose_they_are() -> None:
    many, totals = [Change("x", remove=11, remove_upstream=11)], Totals(1, 20, 0)
    then = "; if that is right, run again with --allow-deletions"
    more = "would take away 11 of 20 files, more than max_deletions allows"
    assert held(many, totals, 0.5, False, None) == f"removals are held back: upstream {more}{then}"
    assert held(many, totals, 0.5, True, None) == f"removals are held back: upstream or a pin file {more}{then}"
    assert held(many, totals, 0.6, True, None) is None
    assert held([], totals, 0.6, True, "the list is empty") == f"the list is empty: nothing is removed{then}"
    assert held(many, totals, 0.5, True, "the list is empty") == f"the list is empty: nothing is removed{then}"


@pytest.mark.parametrize(("versions", "requirements", "expected"), [
    ((), (), False), (("/a/versions.cfg",), ("r.txt",), False), (("https://example.com/v.cfg",), (), True),
    (("a.cfg", "http://example.com/v.cfg"), (), True), ((), ("https://example.com/r.txt",), True)])
def test_which_pin_files_are_from_elsewhere(versions: tuple[str, ...], requirements: tuple[str, ...], expected: bool) -> None:
    assert has_pins_from_elsewhere({"versions": versions, "requirements": requirements}) is expected


def test_removals_of_urgent_filters_do_not_count() -> None:
    changes = [Change("one", remove=20, remove_urgent=15), Change("two", remove=3, remove_urgent=3)]
    assert counted(changes, pins=True) == Removals(0, 5)
