"""What filters for safety hold back, requirements don't let in; with the newest release that passes, or a report of none."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.osv import document, write_directory
from support.upstream import Upstream, wheel
from test_pinning import everything, modern
from test_publishers import provenance

NEW = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
HELD = "1.1 (uploaded less than 7 days ago, until"


@pytest.fixture
def app(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of a project that requires another one, of which 1.0 is old and 1.1 was uploaded an hour ago."""
    mirrored.settings |= {"package_matches": "app", "dependencies": "True", "python_versions": "3.11",
                          "platforms": "manylinux_2_28_x86_64", "min_age": "7d"}
    upstream.add("app", wheel("app", "1.0", ("dep>=1",)), upload_time="2020-01-01T00:00:00Z")
    upstream.add("dep", wheel("dep", "1.0"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("dep", wheel("dep", "1.1", ("more",)), upload_time=NEW.isoformat())
    upstream.add("more", wheel("more", "1.0"), upload_time="2020-01-01T00:00:00Z")
    return mirrored


def deps(mirrored: Mirrored) -> list[str]:
    return [each.removesuffix("-py3-none-any.whl") for each in everything(mirrored) if not each.startswith("app-")]


def pass_days(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + days * 86400)


def test_the_newest_release_that_is_old_enough_is_taken_and_the_newer_one_when_it_is(
        app: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.0"]
    assert not any("dep-1.1" in path for path in upstream.asked())
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.0"]
    pass_days(monkeypatch, 8)
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.1", "more-1.0"]
    assert not app.untrue()


def test_a_release_that_nothing_else_satisfies_is_reported_until_it_is_let_in(
        app: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.remove("dep", "dep-1.0-py3-none-any.whl")
    until = NEW + datetime.timedelta(days=7)
    for _ in range(2):
        assert app.run("sync") == 1
        assert capsys.readouterr().err == f"pypimirror: dep: required, but not available: {HELD} {until:%Y-%m-%d %H:%M} UTC)\n"
        assert deps(app) == []
    app.run("status")
    assert "dep: required, but not available: 1.1" in capsys.readouterr().out
    app.run("plan", "--json")
    assert HELD in capsys.readouterr().out
    pass_days(monkeypatch, 8)
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.1", "more-1.0"]


def test_without_upload_times_it_is_held_from_when_it_was_first_seen(
        app: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    app.settings["min_age_unknown"] = "hold"
    del upstream.projects["dep"]["dep-1.0-py3-none-any.whl"]
    for served in upstream.projects["dep"].values():
        del served.facts["upload-time"]
    assert app.run("sync") == 1
    pass_days(monkeypatch, 4)
    assert app.run("sync", "-I") == 1
    assert deps(app) == []
    pass_days(monkeypatch, 4)
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.1", "more-1.0"]


@pytest.mark.parametrize("settings", [
    {"min_age_exempt": "dep"}, {"min_age_exempt": "dep==1.1"}, {"decisions": ""},
    {"versions": "[versions]\ndep = 1.1\n"}, {"requirements": "dep==1.1\n"}])
def test_what_exempts_a_release_or_pins_it_lets_it_in(app: Mirrored, tmp_path: Path, settings: dict[str, str]) -> None:
    for key, text in settings.items():
        if not key.startswith("min_age"):
            (tmp_path / key).write_text(text)
            text = key
        app.settings[key] = text
    if "decisions" in settings:
        (tmp_path / "decisions").unlink()  # the verb makes it
        assert app.run("allow", "dep==1.1", "--why", "x", "--by", "gerda") == 0
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.1", "more-1.0"]


@pytest.mark.parametrize("settings", [
    {"uploaded_before": "2021-01-01"}, {"yanked": "hide"},
    {"vulnerable": "hide", "advisories": "advisories", "vulnerable_severity": "low"}])
def test_other_filters_for_safety_count_as_well(app: Mirrored, upstream: Upstream, tmp_path: Path,
                                                settings: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    app.settings |= {"min_age": "0", **settings}
    write_directory(tmp_path / "advisories", document("PYSEC-1", "dep", versions=["1.1"]))
    upstream.projects["dep"]["dep-1.1-py3-none-any.whl"].facts["yanked"] = "broken"
    upstream.add("app", wheel("app", "2.0", ("dep==1.1",)), upload_time="2020-01-01T00:00:00Z")
    assert app.run("sync") == 1  # nothing else satisfies app 2.0
    assert "dep: required, but not available: 1.1 (" in capsys.readouterr().err
    assert deps(app) == ["dep-1.0"]


def test_a_required_release_that_turns_out_vulnerable_is_replaced_in_the_same_run(
        app: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    app.settings |= {"min_age": "0", "vulnerable": "hide", "advisories": "advisories", "vulnerable_severity": "low"}
    write_directory(tmp_path / "advisories")
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.1", "more-1.0"]
    write_directory(tmp_path / "advisories", document("PYSEC-1", "dep", versions=["1.1"]))
    app.run("sync")
    assert deps(app) == ["dep-1.0"]
    assert app.run("sync") == 0


def test_another_publisher_holds_a_required_release_back(app: Mirrored, upstream: Upstream,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    app.settings |= {"min_age": "0", "publishers": "hold", "report_filename": app.root.parent / "report.json"}

    def release(version: str, repository: str) -> None:
        filename, body = wheel("dep", version)
        url = f"{upstream.host}/files/dep/{filename}.provenance"
        upstream.add("dep", (filename, body), provenance=url)
        upstream.projects["dep"][filename].beside = {".provenance": provenance(repository)}

    release("1.2", "example/dep")
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.2"]
    release("1.3", "evil/dep")
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.2"]
    (told,) = (each for each in json.loads((app.root.parent / "report.json").read_text())["notices"] if "held back" in each)
    assert told.startswith("dep: dep-1.3-py3-none-any.whl is held back: published by GitHub evil/dep")
    release("1.4", "example/dep")
    assert app.run("sync") == 0
    assert deps(app) == ["dep-1.4"]
    upstream.add("app", wheel("app", "2.0", ("dep==1.3",)))
    assert app.run("sync") == 1
    assert "dep: required, but not available: 1.3 (published by GitHub evil/dep" in capsys.readouterr().err
    assert deps(app) == ["dep-1.4"]


def test_a_build_requirement_is_held_as_well(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "versions.cfg").write_text("[versions]\napp = 1.0\n")
    mirrored.settings |= {"package_matches": None, "versions": "versions.cfg", "python_versions": "3.11",
                          "platforms": "manylinux_2_28_x86_64", "min_age": "7d"}
    upstream.add("app", modern("app", "1.0", "tool>=1"), upload_time=NEW.isoformat())  # it is pinned
    upstream.add("tool", wheel("tool", "1.0"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("tool", wheel("tool", "1.1"), upload_time=NEW.isoformat())
    assert mirrored.run("sync") == 0
    assert everything(mirrored) == ["app-1.0.tar.gz", "tool-1.0-py3-none-any.whl"]
