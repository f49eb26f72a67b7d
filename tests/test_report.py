"""The JSON report and the metrics of a run: what was done, what failed, why, and since when."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from pypimirror import __version__
from pypimirror.events import FileStored, ProjectDecided, RunStarted
from pypimirror.report import run_summary
from pypimirror.report.decision_log import DecisionLog
from pypimirror.report.event_dispatcher import Watch
from support import wheelhouse
from support.json_schema import violations
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


@pytest.fixture
def reported(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror, not yet synced, with both files."""
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    upstream.add("two", sdist("two", "1"))
    mirrored.settings |= {"report_filename": "report.json", "metrics_filename": tmp_path / "pypimirror.prom"}
    return mirrored


SCHEMA = json.loads((wheelhouse.CHECKOUT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def report(mirrored: Mirrored) -> dict[str, Any]:
    """Return the report, which conforms to its schema."""
    found = json.loads((mirrored.config.parent / "report.json").read_text())
    assert list(violations(found, SCHEMA)) == [], "compare docs/report.schema.json"
    return found


def metrics(mirrored: Mirrored) -> dict[str, float]:
    found = {}
    for line in (mirrored.config.parent / "pypimirror.prom").read_text().splitlines():
        if not line.startswith("# "):
            name, labels, value = re.fullmatch(r'pypimirror_(\w+)\{mirror="[^"]+"(?:,\w+="([\w.]+)")?\} (\S+)', line).groups()
            found[f"{name} {labels}" if labels else name] = float(value)
    return found


def test_a_good_run(reported: Mirrored) -> None:
    assert reported.run("sync") == 0
    found = report(reported)
    assert found["program"] == f"z3c.recipe.pypimirror {__version__}"
    assert (found["kind"], found["mirror"], found["status"]) == ("update", str(reported.root), 0)
    assert found["upstream"] == {"total": 2, "selected": 2, "unchanged": False}
    assert sorted(file["filename"] for file in found["stored"]) == sorted(
        [*reported.files("one"), *reported.files("two")])
    assert {file["how"] for file in found["stored"]} == {"fetched"}
    assert sorted(found["written"]) == ["one", "two"]
    assert (found["failed"], found["problems"], found["not_named"]) == ([], [], {})
    assert found["last_good_run"] == found["started"]
    figures = metrics(reported)
    assert (figures["projects"], figures["files"], figures["last_run_status"]) == (2, 3, 0)
    assert figures["last_run_results stored"] == 3
    assert figures["bytes"] == sum(path.stat().st_size for path in reported.root.glob("*/*-*[lz]"))
    assert figures["last_good_run_timestamp_seconds"] == pytest.approx(figures["last_run_timestamp_seconds"], abs=1)


def test_projects_that_were_looked_at_are_counted(reported: Mirrored, upstream: Upstream) -> None:
    reported.run("sync")
    assert report(reported)["looked_at"] == 2
    upstream.add("two", sdist("two", "2"))
    reported.run("-U")
    assert report(reported)["looked_at"] == 1
    reported.run("-U")
    assert report(reported)["looked_at"] == 0


def test_figures_can_be_read_by_everybody_and_a_report_by_whom_its_owner_lets(reported: Mirrored) -> None:
    umask = os.umask(0o077)
    try:
        assert reported.run("sync") == 0
    finally:
        os.umask(umask)
    modes = {name: (reported.config.parent / name).stat().st_mode & 0o777 for name in ("report.json", "pypimirror.prom")}
    assert modes == {"report.json": 0o600, "pypimirror.prom": 0o644}
    (reported.config.parent / "report.json").chmod(0o640)
    assert reported.run("sync") == 0
    assert (reported.config.parent / "report.json").stat().st_mode & 0o777 == 0o640


def test_both_files_are_whole_at_any_time(reported: Mirrored) -> None:
    assert reported.run("sync") == 0
    assert not list(reported.config.parent.glob(".*.new"))


def test_a_failed_project_is_told_with_the_reason_and_since_when(reported: Mirrored, upstream: Upstream,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.answers["/simple/two/"] = (500, {}, b"")
    path = "/files/one/one-2-py3-none-any.whl"
    upstream.answers[path] = (404, {}, b"")
    assert reported.run("sync") == 1
    first = report(reported)
    one, two = first["failed"]
    assert (one["project"], one["error"]) == ("one", f"{upstream.host}{path}: status 404")
    assert (two["project"], two["error"]) == ("two", f"{upstream.host}/simple/two/: status 500")
    assert one["since"] >= first["started"] and two["since"] >= first["started"]
    assert {problem["kind"] for problem in first["problems"]} == {"failed", "not found"}
    assert (first["status"], first["last_good_run"]) == (1, None)
    assert metrics(reported)["failed_projects"] == 2
    begun = time.time
    monkeypatch.setattr(time, "time", lambda: begun() + 3600)  # times are told to the second
    assert reported.run("-U") == 1
    assert report(reported)["started"] > one["since"]
    assert [failure["since"] for failure in report(reported)["failed"]] == [one["since"], two["since"]]
    upstream.answers.clear()
    assert reported.run("-U") == 0
    assert report(reported)["failed"] == []
    assert metrics(reported)["failed_projects"] == 0


def test_what_goes_is_told(reported: Mirrored, upstream: Upstream) -> None:
    assert reported.run("sync") == 0
    upstream.remove("one", "one-1-py3-none-any.whl")
    assert reported.run("-U") == 0
    assert report(reported)["removed"] == [{"project": "one", "filename": "one-1-py3-none-any.whl"}]
    assert report(reported)["stored"] == []


def test_a_run_that_can_t_even_begin_its_work_is_told(reported: Mirrored, upstream: Upstream) -> None:
    assert reported.run("sync") == 0
    good = report(reported)["last_good_run"]
    upstream.answers["/simple/"] = (503, {}, b"")
    assert reported.run("-U") == 1
    found = report(reported)
    assert (found["status"], found["last_good_run"]) == (1, good)
    assert found["failed"] == [{"project": "", "error": f"{upstream.url}: status 503", "since": None}]
    assert metrics(reported)["last_run_status"] == 1
    assert metrics(reported)["files"] == 3


def test_what_is_held_back_is_told(reported: Mirrored, upstream: Upstream) -> None:
    assert reported.run("sync") == 0
    upstream.projects, upstream.project_serials = {}, {}
    upstream.serial += 1
    assert reported.run("-U") == 4
    assert "upstream's list is empty" in report(reported)["held_back"]
    assert metrics(reported)["last_run_status"] == 4


def test_the_option_names_a_file_from_where_the_command_runs(
        reported: Mirrored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert reported.run("sync", "--report", "mine.json") == 0
    assert json.loads(Path("mine.json").read_text())["status"] == 0
    assert not (tmp_path / "report.json").exists()


def test_a_report_in_a_new_mirror_is_none_of_what_makes_it_strange(reported: Mirrored) -> None:
    reported.settings |= {"report_filename": reported.root / "report.json"}
    reported.root.mkdir()
    (reported.root / "report.json").write_text("{}")
    assert reported.run("sync") == 0


def test_where_none_can_be_written_one_line_says_so(reported: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    reported.settings["report_filename"] = "/proc/report.json"
    assert reported.run("sync") == 1
    assert capsys.readouterr().err == ("pypimirror: /proc/report.json: can't be written: "
                                       "No such file or directory\n")
    assert len(reported.files("one")) == 2


def test_a_link_planted_where_it_is_written_is_not_followed(reported: Mirrored, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".report.json.new").symlink_to(victim)
    assert reported.run("sync") == 0
    assert victim.read_text() == "mine"
    assert report(reported)["status"] == 0


def test_of_very_many_files_some_are_named_and_all_are_counted(reported: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_summary, "MOST_NAMED", 1)
    assert reported.run("sync") == 0
    found = report(reported)
    assert len(found["stored"]) == 1
    assert found["not_named"] == {"stored": 2}
    assert found["statistics"]["stored"] == 3


def test_the_schema_refuses_what_is_no_report(reported: Mirrored) -> None:
    assert reported.run("sync") == 0
    good = report(reported)
    wrong: list[dict[str, Any]] = [
        {"report_version": 2}, {"kind": "verify"}, {"started": "2026-03-01T04:17:02"}, {"status": "0"}, {"status": True},
        {"runtime": -1}, {"upstream": {"total": 1}}, {"stored": [{"project": "one"}]}, {"notices": [None]}, {"more": 1},
        {"statistics": {}}, {"not_named": {"stored": -1}}, {"failed": [{"project": "", "error": "x", "since": 5}]}]
    for change in wrong:
        assert list(violations(good | change, SCHEMA)), change
    for name in good:
        assert list(violations({key: value for key, value in good.items() if key != name}, SCHEMA)), \
            f"docs/report.schema.json: required lacks {name}"


def test_the_example_in_the_documentation_conforms_to_the_schema() -> None:
    text = (wheelhouse.CHECKOUT / "docs" / "report.rst").read_text(encoding="utf-8")
    example = re.search(r"^    \{\n.*?^    \}\n", text, re.MULTILINE | re.DOTALL)
    assert example is not None
    assert list(violations(json.loads(example[0]), SCHEMA)) == [], "compare the example of docs/report.rst"


def test_every_field_of_the_schema_is_described() -> None:
    for name, field in SCHEMA["properties"].items():
        assert field["description"].endswith("."), f"docs/report.schema.json: {name}"


@pytest.mark.parametrize(("filename", "received"), [(None, []), ("decisions.jsonl", ["RunStarted", "ProjectDecided"])], ids=str)
def test_an_observer_receives_the_events_that_it_handles(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filename: str | None, received: list[str]) -> None:
    log = DecisionLog({"decision_log": filename and str(tmp_path / filename)})
    found: list[str] = []
    monkeypatch.setattr(log, "notify", lambda event: found.append(type(event).__name__))
    watch = Watch({"decision-log": log}, on_terminal=False)
    for event in (RunStarted("initial", "mirror"), FileStored("one", "one-1.tar.gz", 1, "fetched"), ProjectDecided("one", ())):
        watch.notify(event)
    assert found == received
