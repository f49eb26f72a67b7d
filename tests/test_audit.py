"""``audit``: the releases of the mirror and of pin files with advisories, their fixes, and the formats."""

from __future__ import annotations

import datetime
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from support import osv
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]
DOCUMENTS = (
    osv.document("PYSEC-1", "demo", introduced="0", fixed="2.0", aliases=["CVE-1"],
                 references=[{"type": "ADVISORY", "url": "https://example.com/PYSEC 1"}]),
    osv.document("PYSEC-2", "demo", introduced="2.0", fixed="3.0", severity=osv.LOW),
    osv.document("PYSEC-3", "other", introduced="0", severity=""),
    osv.document("MAL-4", "absent", versions=["1.0"]))


@pytest.fixture
def audited(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror with vulnerable releases, a fix in it, and one that min_age holds back."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    for version in ("1.0", "2.0"):
        upstream.add("demo", wheel("demo", version), sdist("demo", version), upload_time="2020-01-01T00:00:00Z")
    upstream.add("demo", wheel("demo", "3.0"), upload_time=now)
    upstream.add("other", wheel("other", "1.0"), upload_time="2020-01-01T00:00:00Z")
    osv.write_directory(tmp_path / "osv", *DOCUMENTS)
    mirrored.settings |= {"advisories": tmp_path / "osv", "min_free": 0, "min_age": "7d"}
    assert mirrored.run("sync") == 0
    upstream.requests.clear()
    return mirrored


def audit(mirrored: Mirrored, capsys: Captured, *arguments: str, status: int = 1) -> str:
    capsys.readouterr()
    assert mirrored.run("audit", *arguments) == status
    return capsys.readouterr().out


def test_the_mirror(audited: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    assert audit(audited, capsys).splitlines() == [
        "demo 1.0   PYSEC-1  critical  fixed in 2.0 (in the mirror)",
        "demo 2.0   PYSEC-2  low       fixed in 3.0 (held back: min-age: uploaded less than 1 days ago, a fix of PYSEC-2)",
        "other 1.0  PYSEC-3  unknown   no fix is known",
        "3 releases checked, 3 with 3 advisories"]
    assert upstream.requests == []


def test_a_severity_decides_on_the_exit_status(audited: Mirrored, capsys: Captured) -> None:
    osv.write_directory(audited.root.parent / "osv", *DOCUMENTS[:2])
    assert audited.run("sync") == 0
    audit(audited, capsys, "--severity", "critical", status=1)
    osv.write_directory(audited.root.parent / "osv", DOCUMENTS[1])
    assert audited.run("sync") == 0
    assert "PYSEC-2" in audit(audited, capsys, "--severity", "medium", status=0)
    audit(audited, capsys, status=1)
    osv.write_directory(audited.root.parent / "osv")
    assert audited.run("sync") == 0
    assert audit(audited, capsys, status=0) == "3 releases checked, 0 with 0 advisories\n"
    assert audit(audited, capsys, "-q", status=0) == ""


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("requirements.txt", "demo==1.0\nabsent==1.0\nharmless==7\n", [("absent", "MAL-4"), ("demo", "PYSEC-1")]),
    ("versions.cfg", "[versions]\nDemo = 2.0\n", [("demo", "PYSEC-2")]),
    ("buildout.cfg", "[buildout]\nextends = more.cfg\nparts =\n[versions]\nother = 1.0\n", [("demo", "PYSEC-1"),
                                                                                         ("other", "PYSEC-3")]),
    ("uv.lock", 'version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\nsource = { registry = "https://example.com/" }\n',
     [("demo", "PYSEC-1")]),
    ("pylock.toml", 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
                    '[packages.sdist]\nurl = "https://example.com/demo-1.0.tar.gz"\nhashes = {sha256 = "00"}\n',
     [("demo", "PYSEC-1")]),
])
def test_pin_files(audited: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured, name: str, text: str,
                   expected: list[tuple[str, str]]) -> None:
    (tmp_path / "more.cfg").write_text("[versions]\ndemo = 1.0\n")
    (tmp_path / name).write_text(text)
    found = json.loads(audit(audited, capsys, str(tmp_path / name), "--json"))
    assert [(each["project"], each["id"]) for each in found["findings"]] == expected
    assert {each["source"] for each in found["findings"]} == {str(tmp_path / name)}
    assert upstream.requests == []


def test_a_fix_that_is_malicious_is_none(audited: Mirrored, capsys: Captured) -> None:
    osv.write_directory(audited.root.parent / "osv", DOCUMENTS[0], osv.document("MAL-9", "demo", versions=["2.0"]))
    assert audited.run("sync") == 0
    assert "demo 1.0  PYSEC-1  critical  no fix is known" in audit(audited, capsys)


def test_a_project_with_an_unreadable_record_fails_alone(audited: Mirrored, capsys: Captured) -> None:
    with sqlite3.connect(audited.root / ".pypimirror" / "state.sqlite") as state:
        state.execute("UPDATE records SET record = x'00' WHERE name = 'demo'")
    state.close()
    capsys.readouterr()
    assert audited.run("audit") == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["other 1.0  PYSEC-3  unknown  no fix is known",
                                        "1 releases checked, 1 with 1 advisories"]
    assert printed.err.startswith("pypimirror: demo: unreadable record in the state") and printed.err.count("\n") == 1


@pytest.mark.parametrize("sources", [["none.txt"], ["https://example.com/requirements.txt"], ["empty.txt"]])
def test_a_file_that_can_not_be_read(audited: Mirrored, tmp_path: Path, capsys: Captured, sources: list[str],
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("")
    capsys.readouterr()
    assert audited.run("audit", *sources) == 1
    printed = capsys.readouterr()
    assert sources[0].split("/")[-1] in printed.err and printed.err.count("\n") == 1 and "Traceback" not in printed.err


@pytest.mark.parametrize(("arguments", "message"), [
    (["--severity", "grave"], "--severity grave: must be one of low, medium, high, critical"),
    (["--format", "xml"], "--format xml: must be one of table, json, sarif, cyclonedx")])
def test_wrong_options(audited: Mirrored, capsys: Captured, arguments: list[str], message: str) -> None:
    capsys.readouterr()
    assert audited.run("audit", *arguments) == 2
    assert message in capsys.readouterr().err


def test_without_advisories(mirrored: Mirrored, capsys: Captured, tmp_path: Path) -> None:
    assert mirrored.run("audit") == 2
    assert "advisories is not set" in capsys.readouterr().err
    mirrored.settings["advisories"] = osv.write_directory(tmp_path / "osv")
    assert mirrored.run("audit") == 1
    assert "no advisories were read yet; sync reads them, import brings them" in capsys.readouterr().err


def test_sarif(audited: Mirrored, capsys: Captured) -> None:
    (run,) = json.loads(audit(audited, capsys, "--format", "sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["PYSEC-1", "PYSEC-2", "PYSEC-3"]
    assert rules[0]["helpUri"] == "https://example.com/PYSEC%201"
    assert [rule["properties"]["security-severity"] for rule in rules] == ["9.5", "2.0", "5.5"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert (audited.root / place["physicalLocation"]["artifactLocation"]["uri"]).is_file()
    assert [result["level"] for result in run["results"]] == ["error", "note", "warning"]
    assert run["results"][0]["message"]["text"] == "demo 1.0: PYSEC-1 in demo; fixed in 2.0 (in the mirror)"


def test_cyclonedx(audited: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "requirements.txt").write_text("demo==1.0\nabsent==1.0\nother==1.0\n")
    text = audit(audited, capsys, str(tmp_path / "requirements.txt"), "--format", "cyclonedx")
    assert text == audit(audited, capsys, str(tmp_path / "requirements.txt"), "--format", "cyclonedx")
    found: Any = json.loads(text)
    refs = {component["bom-ref"] for component in found["components"]}
    assert refs == {"pkg:pypi/demo@1.0", "pkg:pypi/absent@1.0", "pkg:pypi/other@1.0"}
    ratings = {each["id"]: (each["ratings"][0]["severity"], each["analysis"]["state"]) for each in found["vulnerabilities"]}
    assert ratings == {"MAL-4": ("critical", "exploitable"), "PYSEC-1": ("critical", "in_triage"),
                       "PYSEC-3": ("unknown", "in_triage")}
    assert all({affected["ref"] for affected in each["affects"]} <= refs for each in found["vulnerabilities"])
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
