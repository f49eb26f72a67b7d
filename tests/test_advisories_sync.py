"""What follows from advisories in real runs: malicious and vulnerable releases, fixes, brakes, trash."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from support import old_mirrors, osv
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def advised(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror of two projects with three releases each, synced, with a directory for advisories, which is empty."""
    for name in ("demo", "other"):
        for version in ("1.0", "2.0", "3.0"):
            upstream.add(name, wheel(name, version), sdist(name, version), upload_time="2020-01-01T00:00:00Z")
    osv.write_directory(tmp_path / "osv")
    mirrored.settings |= {"advisories": tmp_path / "osv", "min_free": 0, "report_filename": tmp_path / "report.json"}
    assert mirrored.run("sync") == 0
    return mirrored


def tell(mirrored: Mirrored, *documents: Any) -> None:
    osv.write_directory(mirrored.root.parent / "osv", *documents)


def notices(mirrored: Mirrored) -> list[str]:
    return list(json.loads((mirrored.root.parent / "report.json").read_text())["notices"])


def planned(mirrored: Mirrored, capsys: Captured) -> Any:
    capsys.readouterr()
    mirrored.run("plan", "--json")
    return json.loads(capsys.readouterr().out)


def versions(mirrored: Mirrored, name: str = "demo") -> list[str]:
    return list(mirrored.page(name)["versions"])


BAD = osv.document("MAL-2026-1", "demo", versions=["2.0"])
FLAW = osv.document("PYSEC-2026-1", "Demo", introduced="0", fixed="3.0")


def test_malicious_releases_are_out_in_the_same_run(advised: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    tell(advised, BAD)
    plan = planned(advised, capsys)
    assert {entry["filename"]: entry["why"] for entry in plan["remove"]} == dict.fromkeys(
        ("demo-2.0.tar.gz", "demo-2.0-py3-none-any.whl"), "malicious: MAL-2026-1 (critical)")
    assert versions(advised) == ["1.0", "2.0", "3.0"]
    upstream.requests.clear()
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "3.0"] and versions(advised, "other") == ["1.0", "2.0", "3.0"]
    assert not (advised.root / "demo/demo-2.0.tar.gz").exists() and not advised.untrue()
    assert "demo: demo-2.0.tar.gz is taken out: malicious: MAL-2026-1 (critical)" in notices(advised)
    # Nothing but the list was asked for, and the next run has nothing to do.
    assert upstream.requests == ["/simple/"]
    tree = advised.tree()
    assert advised.run("sync") == 0 and advised.tree() == tree


def test_malicious_pins_are_out_and_reported(advised: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "requirements.txt").write_text("demo==2.0\n")
    advised.settings |= {"requirements": tmp_path / "requirements.txt", "package_matches": None, "retain_days": 0,
                         "build_requirements": "False"}
    assert advised.run("sync") == 0
    assert versions(advised) == ["2.0"]
    tell(advised, BAD)
    assert advised.run("sync") == 1
    assert "demo: pinned, but not available: 2.0 (malicious: MAL-2026-1 (critical))" in capsys.readouterr().err
    assert versions(advised) == [] and not list(advised.root.glob("demo/*2.0*"))


@pytest.mark.parametrize("answer", [(503, {}, b"later"), (200, {"Content-Type": "text/html"}, b"<html>Log in</html>")])
def test_malicious_releases_are_out_though_upstream_fails(advised: Mirrored, upstream: Upstream, answer: Any) -> None:
    tell(advised, BAD)
    upstream.answers["/simple/"] = answer
    upstream.answers["/simple/demo/"] = answer
    assert advised.run("sync") in (1, 4)
    assert versions(advised) == ["1.0", "3.0"] and not list(advised.root.glob("demo/*2.0*"))
    assert json.loads(advised.read("index.v1_json"))["meta"]
    assert not advised.untrue()


@pytest.mark.heavy
def test_malicious_projects_are_out_whatever_the_brake_says(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    names = [f"project-{number:02}" for number in range(30)]
    for name in names:
        upstream.add(name, wheel(name, "1.0"))
    tell(mirrored)
    mirrored.settings |= {"advisories": tmp_path / "osv", "min_free": 0, "report_filename": tmp_path / "report.json"}
    assert mirrored.run("sync") == 0
    tell(mirrored, *(osv.document(f"MAL-{name}", name, introduced="0") for name in names[:15]))
    # At the same time upstream loses half of the others, which the brake holds back.
    for name in names[15:]:
        upstream.remove(name)
    assert mirrored.run("sync") == 4
    there = {path.parent.name for path in mirrored.root.glob("*/*.whl")}
    assert there == set(names[15:])
    assert len([line for line in notices(mirrored) if "is taken out" in line]) == 15
    assert mirrored.run("sync", "--allow-deletions") == 0
    assert not list(mirrored.root.glob("*/*.whl"))


@pytest.mark.heavy
def test_a_held_back_run_takes_malicious_releases_out(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    """A filter of advisories that would hide much is held back, a malicious release is not."""
    names = [f"project-{number:02}" for number in range(30)]
    for name in names:
        upstream.add(name, wheel(name, "1.0"), wheel(name, "2.0"))
    tell(mirrored)
    mirrored.settings |= {"advisories": tmp_path / "osv", "min_free": 0, "vulnerable": "hide"}
    assert mirrored.run("sync") == 0
    tell(mirrored, *(osv.document(f"PYSEC-{name}", name, introduced="0", fixed="2.0") for name in names),
         osv.document("MAL-1", "project-03", versions=["1.0"]))
    assert mirrored.run("sync") == 4
    there = {path.name for path in mirrored.root.glob("*/*-1.0-*.whl")}
    assert len(there) == 29 and "project_03-1.0-py3-none-any.whl" not in there
    assert mirrored.run("sync") == 4
    assert mirrored.run("sync", "--allow-deletions") == 0
    assert not list(mirrored.root.glob("*/*-1.0-*.whl")) and len(list(mirrored.root.glob("*/*-2.0-*.whl"))) == 30


def test_malicious_files_come_back_by_force_alone(advised: Mirrored, capsys: Captured) -> None:
    tell(advised, BAD)
    assert advised.run("sync") == 0
    capsys.readouterr()
    advised.run("trash", "list")
    assert "malicious: MAL-2026-1" in capsys.readouterr().out
    assert advised.run("trash", "restore", "demo") == 1
    assert "demo/demo-2.0.tar.gz: not restored: it is malicious by MAL-2026-1; --force restores it" in capsys.readouterr().err
    # Also when no advisory names them any more.
    tell(advised)
    assert advised.run("trash", "restore", "demo-2.0.tar.gz") == 1
    tell(advised, BAD)
    assert advised.run("trash", "restore", "demo-2.0.tar.gz", "--force") == 0
    assert [file["filename"] for file in advised.page("demo")["files"] if "-2.0" in file["filename"]] == ["demo-2.0.tar.gz"]
    # It stays, and the wheel does not come back.
    for _ in range(2):
        assert advised.run("sync", "-I") == 0
        assert [path.name for path in advised.root.glob("demo/*-2.0*")] == ["demo-2.0.tar.gz"]


def test_a_withdrawn_advisory_lets_the_release_in_again(advised: Mirrored, upstream: Upstream) -> None:
    tell(advised, BAD)
    assert advised.run("sync") == 0
    tell(advised, BAD | {"withdrawn": "2026-02-01T00:00:00Z", "modified": "2026-02-01T00:00:00Z"})
    upstream.requests.clear()
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "2.0", "3.0"]
    assert not [path for path in upstream.requests if path.endswith(".whl")]  # they come out of the trash


def test_malicious_releases_are_reported_alone_if_that_is_configured(advised: Mirrored) -> None:
    advised.settings["malicious"] = "report"
    tell(advised, BAD)
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "2.0", "3.0"]
    assert "demo 2.0: vulnerable: MAL-2026-1 (critical)" in notices(advised)


def test_vulnerable_releases_are_reported_once(advised: Mirrored, capsys: Captured) -> None:
    tell(advised, FLAW, osv.document("PYSEC-2026-2", "demo", introduced="0", severity=osv.LOW))
    plan = planned(advised, capsys)
    assert [(entry["version"], entry["advisories"]) for entry in plan["vulnerable"]] == [
        ("1.0", ["PYSEC-2026-1"]), ("2.0", ["PYSEC-2026-1"])]
    assert not (plan["remove"] or plan["rewrite"] or plan["left_out"])
    tree = advised.tree()
    assert advised.run("sync") == 0
    assert advised.tree() == tree
    expected = [f"demo {version}: vulnerable: PYSEC-2026-1 (critical, fixed in 3.0)" for version in ("1.0", "2.0")]
    assert notices(advised) == expected
    assert advised.run("sync", "-I") == 0
    assert notices(advised) == []


def test_vulnerable_releases_are_hidden_unless_pinned(advised: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "requirements.txt").write_text("demo==1.0\n")
    advised.settings |= {"vulnerable": "hide", "requirements": tmp_path / "requirements.txt", "build_requirements": "False",
                         "retain_days": 0}
    tell(advised, FLAW)
    plan = planned(advised, capsys)
    assert {(entry["filename"], entry["why"]) for entry in plan["remove"]} == {
        (filename, "vulnerable: PYSEC-2026-1 (critical, fixed in 3.0)")
        for filename in ("demo-2.0.tar.gz", "demo-2.0-py3-none-any.whl")}
    assert [(entry["version"], entry["pinned"]) for entry in plan["vulnerable"]] == [("1.0", True)]
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "3.0"]
    assert "demo 1.0: pinned, and vulnerable: PYSEC-2026-1 (critical, fixed in 3.0)" in notices(advised)
    advised.settings["vulnerable"] = None
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "2.0", "3.0"]


def test_the_severity_decides(advised: Mirrored) -> None:
    advised.settings["vulnerable"] = "hide"
    tell(advised, osv.document("PYSEC-2026-2", "demo", introduced="0", fixed="2.0", severity=osv.LOW))
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "2.0", "3.0"]
    advised.settings["vulnerable_severity"] = "low"
    assert advised.run("sync") == 0
    assert versions(advised) == ["2.0", "3.0"]


def test_vulnerable_releases_are_marked_as_yanked(advised: Mirrored, capsys: Captured) -> None:
    advised.settings |= {"vulnerable": "mark", "index_formats": "html json full browse"}
    tell(advised, FLAW)
    assert planned(advised, capsys)["rewrite"] == ["demo"]
    assert advised.run("sync") == 0
    reason = "vulnerable: PYSEC-2026-1 (critical, fixed in 3.0)"
    marks = {file["filename"]: file["yanked"] for file in advised.page("demo")["files"] if file["filename"].endswith(".gz")}
    assert marks == {"demo-1.0.tar.gz": reason, "demo-2.0.tar.gz": reason, "demo-3.0.tar.gz": False}
    assert advised.run("verify") == 0
    assert advised.run("snapshot", "create", "marked") == 0
    for page in ("demo/index.html", "full.html", "snapshots/marked/simple/demo/index.html"):
        assert advised.read(page).count(f'data-yanked="{reason}"') == 4, page
    page = advised.read("demo/index.html")
    assert advised.run("sync", "-I") == 0 and advised.run("-i") == 0
    assert advised.read("demo/index.html") == page
    # Without the key, and without the advisory, the marks are gone.
    advised.settings["vulnerable"] = None
    assert advised.run("sync") == 0 and reason not in advised.read("demo/index.html") + advised.read("full.html")
    advised.settings["vulnerable"] = "mark"
    assert advised.run("sync") == 0 and reason in advised.read("demo/index.html")
    tell(advised)
    assert advised.run("sync") == 0 and reason not in advised.read("demo/index.html")


@pytest.mark.heavy
def test_upstreams_own_marks_stay(advised: Mirrored, upstream: Upstream) -> None:
    upstream.add("demo", sdist("demo", "1.0"), yanked="broken", upload_time="2020-01-01T00:00:00Z")
    advised.settings["vulnerable"] = "mark"
    tell(advised, FLAW)
    assert advised.run("sync") == 0
    assert {file["yanked"] for file in advised.page("demo")["files"] if file["filename"] == "demo-1.0.tar.gz"} == {"broken"}


def test_what_names_no_fix_waits_and_a_fix_does_not(advised: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    def hours_ago(hours: float) -> str:
        return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)).isoformat()

    advised.settings["min_age"] = "7d"
    upstream.add("demo", sdist("demo", "3.1"), upload_time=hours_ago(30))
    upstream.add("demo", sdist("demo", "3.2"), upload_time=hours_ago(3))
    upstream.add("demo", sdist("demo", "3.3"), upload_time=hours_ago(30))
    assert advised.run("sync") == 0
    assert versions(advised)[3:] == []
    tell(advised, osv.document("PYSEC-1", "demo", introduced="0", fixed="3.1"),
         osv.document("PYSEC-2", "demo", introduced="3.1", fixed="3.2"))
    left_out = {entry["filename"]: entry["reason"] for entry in planned(advised, capsys)["left_out"]}
    assert left_out == {"demo-3.2.tar.gz": "uploaded less than 1 days ago, a fix of PYSEC-2",
                        "demo-3.3.tar.gz": "uploaded less than 7 days ago"}
    assert advised.run("sync") == 0
    assert versions(advised)[3:] == ["3.1"]
    advised.settings["min_age_fixes"] = "2h"
    assert advised.run("sync") == 0
    assert versions(advised)[3:] == ["3.1", "3.2"]


def test_a_source_that_fails_changes_nothing_and_is_reported(advised: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    tell(advised, BAD)
    assert advised.run("sync") == 0
    (advised.root.parent / "osv").rename(advised.root.parent / "away")
    assert advised.run("sync") == 1
    assert "osv: can't be read: No such file or directory; those of" in capsys.readouterr().err
    assert versions(advised) == ["1.0", "3.0"]
    # Neither does the loss of the database.
    (advised.root / ".pypimirror/advisories.sqlite").unlink()
    assert advised.run("sync", "-I") == 1
    assert "none of its advisories was ever read" in capsys.readouterr().err
    assert versions(advised) == ["1.0", "3.0"]


@pytest.mark.heavy
def test_without_the_key_nothing_of_it_is_left(advised: Mirrored) -> None:
    tell(advised, BAD)
    assert advised.run("sync") == 0
    advised.settings["advisories"] = None
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "2.0", "3.0"]
    assert not list((advised.root / ".pypimirror").glob("advisories*"))


@pytest.mark.heavy
def test_a_lost_state_forgets_no_advisory(advised: Mirrored, upstream: Upstream) -> None:
    tell(advised, BAD)
    assert advised.run("sync") == 0
    for path in (advised.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "3.0"]


def test_snapshots_and_bundles_have_the_marks_of_the_pages(advised: Mirrored, tmp_path: Path) -> None:
    advised.settings |= {"vulnerable": "mark", "index_formats": "html json"}
    tell(advised, FLAW)
    assert advised.run("sync") == 0
    assert [bool(file["yanked"]) for file in advised.page("demo")["files"]] == [True] * 4 + [False] * 2
    assert advised.run("snapshot", "create", "first") == 0
    for page in ("demo/index.html", "demo/index.v1_json"):
        assert advised.read(f"snapshots/first/simple/{page}") == advised.read(page)
    (tmp_path / "far").mkdir()
    far = Mirrored(tmp_path / "far/mirror", "")
    far.settings = {"mirror_file_path": far.root, "min_free": 0, "index_formats": "html json"}
    for bundle in ("full", "unmarked"):
        assert advised.run("export", str(tmp_path / bundle)) == 0
        assert far.run("import", str(tmp_path / bundle)) == 0
        assert far.tree() == {path: body for path, body in advised.tree().items() if not path.startswith("snapshots/")}
        tell(advised)
        assert advised.run("sync") == 0


@pytest.mark.parametrize("engine", ["processes"])
def test_other_processes_know_the_advisories(advised: Mirrored, engine: str) -> None:
    advised.settings["engine"] = engine
    tell(advised, BAD)
    assert advised.run("sync", "-I") == 0
    assert versions(advised) == ["1.0", "3.0"]


@pytest.mark.heavy
def test_requirements_are_never_met_by_malicious_releases(advised: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("app", wheel("app", "1.0", ("demo>=2.0",)))
    (tmp_path / "requirements.txt").write_text("app==1.0\n")
    advised.settings |= {"requirements": tmp_path / "requirements.txt", "package_matches": None, "dependencies": "True"}
    tell(advised, osv.document("MAL-1", "demo", versions=["3.0"]))
    assert advised.run("sync") == 0
    assert versions(advised) == ["2.0"]


@pytest.mark.heavy
def test_a_named_project_is_updated_with_the_advisories(advised: Mirrored) -> None:
    tell(advised, BAD, osv.document("MAL-2", "other", versions=["1.0"]))
    assert advised.run("sync", "other") == 0
    assert versions(advised, "other") == ["2.0", "3.0"] and versions(advised) == ["1.0", "2.0", "3.0"]
    assert advised.run("sync") == 0
    assert versions(advised) == ["1.0", "3.0"]


def test_malicious_files_are_not_adopted(advised: Mirrored, tmp_path: Path) -> None:
    tell(advised, osv.document("MAL-1", "demo", versions=["0.1"]))
    old_mirrors.folders(tmp_path / "old", {"demo": [sdist("demo", "0.1"), sdist("demo", "0.2")]})
    assert advised.run("adopt", str(tmp_path / "old")) == 0
    assert versions(advised) == ["0.2", "1.0", "2.0", "3.0"]


@pytest.mark.parametrize("vulnerable", ["mark", "hide"])
def test_a_mirror_without_json_is_treated_the_same(advised: Mirrored, vulnerable: str) -> None:
    advised.settings |= {"vulnerable": vulnerable, "index_formats": "html"}
    tell(advised, FLAW, BAD)
    assert advised.run("sync") == 0
    page = advised.read("demo/index.html")
    assert "demo-2.0" not in page and ("demo-1.0" in page) == (vulnerable == "mark") and "demo-3.0" in page
    for path in (advised.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    assert advised.run("sync") == 0
    assert {line for line in page.splitlines() if "sha256=" in line} == {
        line for line in advised.read("demo/index.html").splitlines() if "sha256=" in line}


@pytest.mark.heavy
def test_the_brake_holds_vulnerable_releases_and_lets_malicious_ones_of_the_same_projects_go(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    names = [f"project-{number:02}" for number in range(12)]
    for name in names:
        upstream.add(name, *(wheel(name, version) for version in ("1.0", "2.0", "3.0")))
    tell(mirrored)
    mirrored.settings |= {"advisories": tmp_path / "osv", "min_free": 0, "vulnerable": "hide"}
    assert mirrored.run("sync") == 0
    tell(mirrored, *(osv.document(f"MAL-{name}", name, versions=["1.0"]) for name in names),
         *(osv.document(f"PYSEC-{name}", name, versions=["2.0"]) for name in names))
    assert mirrored.run("sync") == 4
    assert {tuple(versions(mirrored, name)) for name in names} == {("2.0", "3.0")}
    assert not list(mirrored.root.glob("*/*-1.0-*.whl")) and not mirrored.untrue()


def test_the_page_of_an_adopted_project_is_not_requested_again_for_advisories(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    """Upstream's list lacks it: once its advisories have changed, each run took it for one whose page is missing."""
    for name in ("app", "lib", "other"):
        upstream.add(name, wheel(name, "1.0"))
    mirrored.settings["advisories"] = osv.write_directory(
        tmp_path / "osv", osv.document("MAL-1", "app", versions=["1.0"]), osv.document("PYSEC-2", "app", versions=["2.0"]))
    assert mirrored.run("sync") == 0
    old_mirrors.folders(tmp_path / "old", {"app": [sdist("app", "2.0")]})
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    upstream.remove("app")
    assert mirrored.run("-U") == 0
    mirrored.settings["advisories"] = osv.write_directory(tmp_path / "osv", osv.document("PYSEC-3", "lib", versions=["2.0"]))
    assert mirrored.run("-U") == 0
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
    assert mirrored.files("app") == [sdist("app", "2.0")[0]]


def test_what_an_adoption_found_malicious_comes_back_when_the_advisory_goes(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("app", wheel("app", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    mirrored.settings["advisories"] = osv.write_directory(tmp_path / "osv", osv.document("PYSEC-1", "other", versions=["9"]))
    assert mirrored.run("sync") == 0
    osv.write_directory(tmp_path / "osv", osv.document("MAL-1", "app", versions=["1.0"]))
    old_mirrors.folders(tmp_path / "old", {"app": [sdist("app", "0.1")]})
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert mirrored.files("app") == [sdist("app", "0.1")[0]]
    osv.write_directory(tmp_path / "osv", osv.document("PYSEC-1", "other", versions=["9"]))
    assert mirrored.run("-U") == 0
    assert mirrored.files("app") == [sdist("app", "0.1")[0], wheel("app", "1.0")[0]]


def test_what_is_restored_after_an_advisory_was_read_is_evaluated_again_when_that_goes(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    """An adoption of another project has read the advisory."""
    upstream.add("app", wheel("app", "1.0"), wheel("app", "2.0"))
    upstream.add("other", wheel("other", "1.0"))
    mirrored.settings |= {"vulnerable": "hide", "advisories": osv.write_directory(
        tmp_path / "osv", osv.document("PYSEC-1", "other", versions=["9"]))}
    assert mirrored.run("sync") == 0
    upstream.remove("app", wheel("app", "1.0")[0])
    assert mirrored.run("-U") == 0
    osv.write_directory(tmp_path / "osv", osv.document("PYSEC-2", "app", versions=["2.0"], severity=osv.CRITICAL))
    old_mirrors.folders(tmp_path / "old", {"other": [sdist("other", "0.1")]})
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert mirrored.run("trash", "restore", "app") == 0
    osv.write_directory(tmp_path / "osv", osv.document("PYSEC-1", "other", versions=["9"]))
    assert mirrored.run("-U") == 0
    assert mirrored.files("app") == [wheel("app", "1.0")[0], wheel("app", "2.0")[0]]
