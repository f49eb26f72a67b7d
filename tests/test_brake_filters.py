"""Removals of plugins' filters: announced, and held back where nobody decided them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from zope.interface import implementer

from pypimirror.interfaces import INameFilter
from pypimirror.model import Change
from pypimirror.sync.brake import counted_of_filters
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel
from test_registry import Good, written

Captured = pytest.CaptureFixture[str]
NAMES = [f"project-{number:02}" for number in range(14)]


class Blocking(Good):
    """Excludes the files of the projects that ``BLOCKED`` or the key names."""

    reason = "blocked"

    def __init__(self, settings: Any):
        self._names = settings.get("blocked", ())

    def select(self, project: Any) -> Any:
        return () if project.name in {*BLOCKED, *self._names} else project.files


@implementer(INameFilter)
class Refusing:
    """A name filter that refuses the projects in ``BLOCKED``."""

    active, applies_to_pins, exact = True, True, None

    def __init__(self, settings: Any):
        pass

    def __call__(self, name: str) -> bool:
        return name not in BLOCKED


BLOCKED: set[str] = set()
_FILTER = '<pypimirror:filter name="blocking" factory="test_brake_filters.Blocking" />'
_KEY = '<pypimirror:setting name="blocked" type="names" affects="files" help="Blocked projects." />'
_NAMES = ('<adapter name="refusing" factory="test_brake_filters.Refusing" for="pypimirror.interfaces.ISettings"'
          ' provides="pypimirror.interfaces.INameFilter" />')
_ADVICE = "; if that is right, run again with --allow-deletions"


@pytest.fixture(autouse=True)
def unblocked() -> None:
    BLOCKED.clear()


def full(mirrored: Mirrored, upstream: Upstream, names: list[str] = NAMES) -> None:
    for name in names:
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    assert mirrored.run("sync") == 0


def plug(mirrored: Mirrored, *lines: str) -> str:
    """Add a plugin; return its file."""
    mirrored.settings["zcml"] = written(mirrored.config.parent, *lines).file
    return str(mirrored.settings["zcml"])


def planned(mirrored: Mirrored, capsys: Captured) -> Any:
    capsys.readouterr()
    mirrored.run("plan", "--json")
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("names", [NAMES, NAMES[:1]], ids=["many", "one"])
@pytest.mark.heavy
def test_a_new_filter_that_excludes_everything_removes_nothing(mirrored: Mirrored, upstream: Upstream, capsys: Captured,
                                                              names: list[str]) -> None:
    full(mirrored, upstream, names)
    before = mirrored.paths()
    BLOCKED.update(names)
    place = f"filter 'blocking' ({plug(mirrored, _FILTER)}:2)"
    files = 2 * len(names)
    message = f"removals are held back: {place} would remove {files} of {files} files, and the mirror would be empty{_ADVICE}"
    found = planned(mirrored, capsys)
    assert found["removed_by"] == [{"filter": place, "files": files, "projects": len(names)}]
    assert [entry["problem"] for entry in found["problems"]] == [message]
    for arguments in (("-U",), ("-I",), ("-i",), ("-U",)):
        capsys.readouterr()
        assert mirrored.run(*arguments) == 4
        assert capsys.readouterr().err == f"pypimirror: {message}\n"
        assert mirrored.paths() == before
    assert mirrored.run("sync", "--allow-deletions") == 0
    assert mirrored.page(names[0])["files"] == []


def test_a_filter_that_is_taken_away_again_leaves_all_as_it_was(mirrored: Mirrored, upstream: Upstream) -> None:
    full(mirrored, upstream)
    before = mirrored.tree()
    BLOCKED.update(NAMES)
    plug(mirrored, _FILTER)
    assert mirrored.run("-U") == 4
    del mirrored.settings["zcml"]
    assert mirrored.run("-U") == 0
    assert mirrored.tree() == before


def test_a_name_filter_is_held_back_too(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    full(mirrored, upstream)
    before = mirrored.tree()
    BLOCKED.update(NAMES[:12])
    place = f"name filter 'refusing' ({plug(mirrored, _NAMES)}:2)"
    found = planned(mirrored, capsys)
    assert found["removed_by"] == [{"filter": place, "files": 24, "projects": 12}]
    assert mirrored.run("-U") == 4
    assert (f"removals are held back: {place} would remove 12 of 14 projects and 24 of 28 files, more than max_deletions "
            f"allows{_ADVICE}\n") in capsys.readouterr().err
    assert mirrored.tree() == before


def test_a_new_filter_is_announced_and_may_remove_a_little(mirrored: Mirrored, upstream: Upstream) -> None:
    full(mirrored, upstream)
    BLOCKED.update(NAMES[:5])
    mirrored.settings["report_filename"] = "report.json"
    place = f"filter 'blocking' ({plug(mirrored, _FILTER)}:2)"
    assert mirrored.run("-U") == 0
    assert [mirrored.files(name) == [] for name in NAMES] == [True] * 5 + [False] * 9
    report = json.loads((mirrored.config.parent / "report.json").read_text())
    assert report["removed_by"] == [{"filter": place, "files": 10, "projects": 5}]
    log = (mirrored.root / ".pypimirror" / "pypimirror.log").read_text()
    line = f"10 to remove (10 of 5 projects by {place})"
    assert log.index(line) < log.index("project-00")


@pytest.mark.heavy
def test_a_known_filter_follows_its_configuration_and_never_empties_the_mirror(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    full(mirrored, upstream)
    place = f"filter 'blocking' ({plug(mirrored, _FILTER, _KEY)}:2)"
    assert mirrored.run("-U") == 0
    mirrored.settings["blocked"] = " ".join(NAMES[:12])
    assert planned(mirrored, capsys)["problems"] == []
    assert mirrored.run("-U") == 0
    assert len({path.partition("/")[0] for path in mirrored.paths() if path.endswith(".whl")}) == 2
    mirrored.settings["blocked"] = " ".join(NAMES)
    for _ in range(2):
        assert mirrored.run("-U") == 4
        assert f"{place} would remove 4 of 4 files, and the mirror would be empty" in capsys.readouterr().err


def test_a_known_filter_whose_code_changed_is_held_back(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    full(mirrored, upstream)
    place = f"filter 'blocking' ({plug(mirrored, _FILTER)}:2)"
    assert mirrored.run("-U") == 0
    before = mirrored.tree()
    BLOCKED.update(NAMES[:10])
    assert mirrored.run("-I") == 4
    assert f"{place} would remove 20 of 28 files, more than max_deletions allows" in capsys.readouterr().err
    assert mirrored.tree() == before
    assert mirrored.run("sync", NAMES[0]) == 0  # 2 files of 28
    assert mirrored.files(NAMES[0]) == []


def test_the_products_filters_follow_an_edited_configuration(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    full(mirrored, upstream)
    mirrored.settings["filename_matches"] = "*.zip"
    found = planned(mirrored, capsys)
    assert (found["removed_by"], found["problems"]) == (
        [{"filter": "filter 'filename-matches'", "files": 28, "projects": 14}], [])
    assert mirrored.run("-U") == 0
    assert mirrored.files(NAMES[0]) == []


def test_what_counts_of_filters() -> None:
    changes = [Change("a", remove=3, removed_by=(("IFilter x", 2), ("IFilter y", 1))),
               Change("b", remove=4, project_removed=True, removed_by=(("INameFilter z", 4),))]
    assert counted_of_filters(changes, {"IFilter x"}) == (0, 2)
    assert counted_of_filters(changes, {"IFilter x", "INameFilter z"}) == (1, 6)
    assert counted_of_filters(changes, ()) == (0, 0)


OLD, NEW = "2020-01-01T00:00:00Z", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))


@pytest.mark.parametrize(("settings", "before", "now"), [
    ({"min_age": "7d"}, {"upload_time": OLD}, {"upload_time": NEW}),
    ({"uploaded_before": "2022-01-01"}, {"upload_time": OLD}, {"upload_time": NEW}),
    ({"yanked": "hide"}, {}, {"yanked": "all of them"}),
    ({"max_file_size": "1M"}, {"size": None}, {"size": 1 << 30})],
    ids=["min_age", "uploaded_before", "yanked", "max_file_size"])
def test_facts_that_upstream_changes_do_not_empty_a_mirror(
        mirrored: Mirrored, upstream: Upstream, settings: dict[str, str], before: dict[str, Any], now: dict[str, Any]) -> None:
    """As a proxy does that gives the time at which it last copied a file."""
    for name in NAMES:
        upstream.add(name, wheel(name, "1"), **before)
    mirrored.settings |= settings
    assert mirrored.run("sync") == 0
    for name in NAMES:
        upstream.add(name, wheel(name, "1"), **now)
    upstream.add("new", wheel("new", "1"))
    for _ in range(2):
        assert mirrored.run("-U") == 4
        assert all(mirrored.files(name) for name in (*NAMES, "new"))
        assert not mirrored.untrue()
    assert mirrored.run("-U", "--allow-deletions") == 0
    assert not any(mirrored.files(name) for name in NAMES)


def test_a_filter_that_is_configured_anew_is_not_held_back(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in NAMES:
        upstream.add(name, wheel(name, "1"), upload_time=NEW)
    assert mirrored.run("sync") == 0
    mirrored.settings["min_age"] = "7d"
    assert mirrored.run("-U") == 0
    assert not any(mirrored.files(name) for name in NAMES)
