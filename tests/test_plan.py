"""``plan`` says what a sync would do, and does nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pypimirror.upstream import http
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


def planned(mirrored: Mirrored, capsys: Captured, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert mirrored.run("plan", "--json", *arguments) == 0
    return json.loads(capsys.readouterr().out)


def named(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["filename"] for entry in entries]


def without_free(line: str) -> str:
    """Return the line with the totals without the free space, which other programs change."""
    return re.sub(r", \S+ \S+ free", "", line)


def test_a_plan_before_the_first_fetch_touches_nothing(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    one = wheel("one", "1")
    upstream.add("one", one, sdist("one", "1"))
    mirrored.settings["filename_excludes"] = "*.tar.gz"
    found = planned(mirrored, capsys)
    assert named(found["fetch"]) == [one[0]]
    assert found["totals"]["fetch_bytes"] == len(one[1])
    assert found["totals"]["free_bytes"] > 0
    assert found["left_out"] == [{"project": "one", "filename": "one-1.tar.gz", "filter": "filename-excludes",
                                  "size": len(sdist("one", "1")[1]), "reason": found["left_out"][0]["reason"]}]
    assert not mirrored.root.exists()
    assert not [path for path in upstream.asked() if path.startswith("/files/")]


def test_a_plan_says_what_would_go_and_why(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"), wheel("one", "3"))
    upstream.add("two", wheel("two", "1"))
    upstream.add("three", wheel("three", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    upstream.remove("one", "one-1-py3-none-any.whl")
    upstream.add("three", wheel("three", "2"))
    mirrored.settings |= {"package_excludes": "two", "filename_excludes": "one-2*"}
    found = planned(mirrored, capsys)
    why = {entry["filename"]: entry["why"] for entry in found["remove"]}
    assert why["one-1-py3-none-any.whl"] == "upstream does not list it any more"
    assert why["two-1-py3-none-any.whl"] == "its project is not selected"
    assert "one-2-py3-none-any.whl" in why
    assert named(found["fetch"]) == ["three-2-py3-none-any.whl"]
    assert (found["rewrite"], found["vanish"]) == (["one", "three"], ["two"])
    assert mirrored.tree() == before
    assert mirrored.run("sync") == 0
    assert planned(mirrored, capsys)["totals"] | {"free_bytes": 0, "left_out_files": 0} == dict.fromkeys(found["totals"], 0)


def test_every_file_left_out_is_told_also_where_nothing_changed(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    mirrored.settings["latest_releases"] = "1"
    assert mirrored.run("sync") == 0
    found = planned(mirrored, capsys)
    assert [(entry["filename"], entry["filter"]) for entry in found["left_out"]] == [
        ("one-1-py3-none-any.whl", "latest-releases")]


def test_what_is_left_out_is_grouped_by_filter_with_the_biggest_files(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    for version in range(1, 6):
        upstream.add("one", (f"one-{version}.tar.gz", b"x" * 1000 * version), wheel("one", f"{version}rc1"))
    upstream.add("two", ("two-1.tar.gz", b"x" * 9000), wheel("two", "1"))
    mirrored.settings |= {"filename_excludes": "*.tar.gz", "prereleases": "False"}
    assert mirrored.run("plan") == 0
    lines = capsys.readouterr().out.splitlines()
    left_out = [line for line in lines if line.startswith("left out")]
    assert left_out[0] == ("left out  filename-excludes: 6 files of 2 projects, 24.0 kB: two-1.tar.gz (9.0 kB), "
                           "one-5.tar.gz (5.0 kB), one-4.tar.gz (4.0 kB), ...")
    assert left_out[1].startswith("left out  prereleases: 5 files of 1 projects, ")
    assert left_out[2:] == ["left out  each file with its reason: plan --files"]
    assert mirrored.run("plan", "--files") == 0
    every = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out")]
    assert len(every) == 11 and any(line.startswith("left out  one  one-1.tar.gz  filename-excludes: ") for line in every)
    assert mirrored.run("plan", "-q") == 0
    [total] = capsys.readouterr().out.splitlines()
    assert without_free(total) == without_free(lines[-1])
    assert "11 files left out" in lines[-1]


def test_dry_run_is_plan_and_a_table_for_people(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "fetch     one  one-1-py3-none-any.whl" in shown
    assert "1 files to fetch with" in shown
    assert not mirrored.root.exists()


def test_a_plan_for_some_projects_is_about_these_alone(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    assert named(planned(mirrored, capsys, "Two")["fetch"]) == ["two-1-py3-none-any.whl"]
    assert "/simple/one/" not in upstream.asked()


def test_pins_count_in_a_plan(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    (mirrored.root.parent / "versions.cfg").write_text("[versions]\none = 1\n")
    mirrored.settings |= {"package_matches": None, "versions": "versions.cfg"}
    found = planned(mirrored, capsys)
    assert named(found["fetch"]) == ["one-1-py3-none-any.whl"]
    assert (found["left_out"][0]["filename"], found["left_out"][0]["reason"]) == ("one-2-py3-none-any.whl", "not pinned")
    assert not mirrored.root.exists()


def test_a_plan_tells_of_the_brake_and_of_pin_files_that_cant_be_had(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    names = [f"project-{number:02}" for number in range(24)]
    for name in names:
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    for name in names[:12]:
        upstream.remove(name)
    mirrored.settings["versions"] = "missing.cfg"
    capsys.readouterr()
    assert mirrored.run("plan") == 1
    shown = capsys.readouterr().out
    assert "upstream's list lacks 12 of 24 projects: nothing is removed" in shown
    assert "missing.cfg: can't be read" in shown
    assert mirrored.run("plan", "--allow-deletions") == 1
    assert "12 to remove" in capsys.readouterr().out


def test_a_plan_names_what_is_not_understood(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"), ("one-1.unknown", b"x"))
    found = planned(mirrored, capsys)
    assert found["not_understood"] == [{"project": "one", "problem": "one-1.unknown: not the name of a distribution"}]
    assert named(found["fetch"]) == [wheel("one", "1")[0]]
    assert mirrored.run("plan") == 0
    assert "ignored   one  one-1.unknown: not the name of a distribution\n" in capsys.readouterr().out


def test_variants_of_wheels_are_mirrored_with_what_describes_them(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    name, body = wheel("one", "1", tag="cp311-cp311-manylinux_2_28_x86_64")
    variant, described = name.replace(".whl", "-x86_64_v3.whl"), "one-1-variants.json"
    upstream.add("one", (name, body), (variant, body), (variant.replace("manylinux_2_28_x86_64", "win_amd64"), body),
                 (described, b"{}"))
    mirrored.settings |= {"python_versions": "3.11", "platforms": "manylinux_2_28_x86_64", "package_types": "wheel"}
    found = planned(mirrored, capsys)
    assert sorted(named(found["fetch"])) == sorted([name, variant, described])
    assert [entry["filename"] for entry in found["left_out"]] == ["one-1-cp311-cp311-win_amd64-x86_64_v3.whl"]
    assert found["not_understood"] == []
    assert mirrored.run("sync") == 0
    assert mirrored.run("verify") == 0
    assert (mirrored.root / "one" / described).read_bytes() == b"{}"


def test_the_hosts_of_one_page_are_bounded(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_MOST_HOSTS", 2)
    files = [{"filename": f"demo-{n}.zip", "url": f"http://host-{n}.invalid/demo-{n}.zip", "hashes": {"sha256": "a" * 64}}
             for n in range(4)]
    own = {"filename": "demo-9.zip", "url": f"{upstream.url}demo-9.zip", "hashes": {}}
    page = {"meta": {"api-version": "1.0"}, "name": "demo", "files": [own, *files]}
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.answers["/simple/demo/"] = 200, {"Content-Type": JSON}, json.dumps(page).encode()
    found = planned(mirrored, capsys)
    assert {one["filename"] for one in found["fetch"]} == {"demo-0.zip", "demo-1.zip", "demo-9.zip"}
    assert [one["problem"] for one in found["not_understood"]] == [
        "demo-2.zip: one host more than 2", "demo-3.zip: one host more than 2"]
