"""Decisions: the file, the verbs that write it, what follows from it in real runs, and the decision log."""

from __future__ import annotations

import datetime
import json
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypimirror.commands import decide
from pypimirror.metadata.bounded_toml import loads
from pypimirror.settings import text_file
from pypimirror.settings.decisions import Decision, Decisions, convert, parse_decision, render
from pypimirror.settings.exemptions import exemptions
from support import osv
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

Captured = pytest.CaptureFixture[str]
LONG_AGO, OLD = "2020-01-01", "2020-01-01T00:00:00Z"
TODAY = datetime.datetime.now(datetime.timezone.utc).date()
SOON, LATER = (TODAY + datetime.timedelta(days=3)).isoformat(), (TODAY + datetime.timedelta(days=300)).isoformat()


@pytest.fixture
def site(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror of ``demo`` with a file for decisions and a log, synced."""
    for name in ("demo", "other"):
        upstream.add(name, *(wheel(name, version) for version in ("1.0", "2.0")), upload_time=OLD)
    mirrored.settings |= {"package_matches": "demo", "decisions": tmp_path / "decisions.toml", "min_free": 0,
                          "decision_log": tmp_path / "decisions.jsonl", "report_filename": tmp_path / "report.json"}
    assert mirrored.run("sync") == 0
    return mirrored


def versions(mirrored: Mirrored, name: str = "demo") -> list[str]:
    return list(mirrored.page(name)["versions"])


def log(mirrored: Mirrored) -> list[tuple[str, ...]]:
    lines = (mirrored.root.parent / "decisions.jsonl").read_text().splitlines()
    return [tuple(json.loads(line)[key] for key in ("file", "action", "rule", "reason")) for line in lines]


def notices(mirrored: Mirrored) -> list[str]:
    return list(json.loads((mirrored.root.parent / "report.json").read_text())["notices"])


def test_deny_takes_out_also_pins(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    assert site.run("deny", "demo<2", "--why", "insecure defaults", "--by", "gerda", "--until", LATER) == 0
    text = f"deny demo<2 until {LATER}: insecure defaults (gerda)"
    assert capsys.readouterr().out == text + "\n"
    site.run("plan", "--json")
    assert [entry["why"] for entry in json.loads(capsys.readouterr().out)["remove"]] == [text]
    assert site.run("sync") == 0
    assert versions(site) == ["2.0"]
    assert log(site)[2:] == [("demo-1.0-py3-none-any.whl", "taken out", "deny", text)]
    (tmp_path / "requirements.txt").write_text("demo==1.0\n")
    site.settings |= {"requirements": tmp_path / "requirements.txt", "retain_days": 0}
    assert site.run("sync") == 1
    assert "demo: pinned, but not available: 1.0 (deny demo<2" in capsys.readouterr().err


def test_allow_lets_new_releases_in(site: Mirrored, upstream: Upstream) -> None:
    site.settings["min_age"] = "7d"
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    upstream.add("demo", wheel("demo", "3.0"), wheel("demo", "3.1"), upload_time=now)
    assert site.run("sync") == 0
    assert versions(site) == ["1.0", "2.0"]
    held = ("held back", "min-age", "uploaded less than 7 days ago")
    assert log(site)[2:] == [("demo-3.0-py3-none-any.whl", *held), ("demo-3.1-py3-none-any.whl", *held)]
    assert site.run("sync", "-I") == 0
    assert len(log(site)) == 4  # what was told before is not told again
    assert site.run("allow", "demo==3.0", "--why", "reviewed", "--by", "gerda") == 0
    assert site.run("sync") == 0
    assert versions(site) == ["1.0", "2.0", "3.0"]
    assert log(site)[4:] == [("demo-3.0-py3-none-any.whl", "let in", "allow", "allow demo==3.0: reviewed (gerda)")]


def test_allow_selects_projects_in_the_versions_that_it_names(site: Mirrored) -> None:
    assert site.run("allow", "Other==2.0", "--why", "needed") == 0
    assert site.run("sync") == 0
    assert versions(site, "other") == ["2.0"] and versions(site) == ["1.0", "2.0"]
    # Together with another reason for the project, the line limits nothing.
    site.settings["package_matches"] = "demo other"
    assert site.run("sync") == 0
    assert versions(site, "other") == ["1.0", "2.0"]


def test_allow_does_not_limit_pins(site: Mirrored, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("other==1.0\n")
    site.settings |= {"requirements": tmp_path / "requirements.txt", "build_requirements": "False"}
    assert site.run("allow", "other==2.0", "--why", "needed") == 0
    assert site.run("sync") == 0
    assert versions(site, "other") == ["1.0", "2.0"]


@pytest.mark.parametrize("matches", ["d*", "*mo"])
def test_allow_adds_to_patterns(site: Mirrored, matches: str) -> None:
    site.settings["package_matches"] = matches
    assert site.run("allow", "other", "--why", "needed") == 0
    assert site.run("sync") == 0
    assert versions(site, "other") == ["1.0", "2.0"]


def test_waive_and_allow_against_advisories(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    site.settings |= {"vulnerable": "hide", "advisories": osv.write_directory(
        tmp_path / "osv", osv.document("PYSEC-1", "demo", introduced="0", fixed="2.0", aliases=["CVE-1"]),
        osv.document("MAL-1", "demo", versions=["2.0"]))}
    assert site.run("sync") == 0
    assert versions(site) == []
    assert site.run("waive", "MAL-1", "demo==2.0", "--why", "false positive") == 0
    assert site.run("sync") == 0
    assert versions(site) == ["2.0"]
    assert site.run("waive", "CVE-1", "--why", "feature not used", "--by", "gerda") == 0
    assert site.run("sync") == 0
    assert versions(site) == ["1.0", "2.0"]
    capsys.readouterr()
    assert site.run("audit") == 0
    assert "demo 1.0  PYSEC-1  critical  waive CVE-1: feature not used (gerda)" in capsys.readouterr().out
    assert site.run("audit", "--format", "cyclonedx") == 0
    assert {each["analysis"]["state"] for each in json.loads(capsys.readouterr().out)["vulnerabilities"]} == {"not_affected"}
    (tmp_path / "decisions.toml").write_text('[[allow]]\nrelease = "demo==1.0"\nwhy = "needed"\n')
    assert site.run("sync") == 0
    assert versions(site) == ["1.0"]  # allow is no word against malicious releases


def test_expired_decisions_have_no_effect_and_are_named(site: Mirrored, tmp_path: Path) -> None:
    entries = [("demo==1.0", LONG_AGO), ("demo==2.0", SOON), ("other", LATER)]
    (tmp_path / "decisions.toml").write_text("".join(
        f'[[deny]]\nrelease = "{release}"\nwhy = "test"\nuntil = {until}\n' for release, until in entries))
    assert site.run("sync") == 0
    assert versions(site) == ["1.0"]
    assert notices(site)[:2] == [f"decisions: expired, and without effect: deny demo==1.0 until {LONG_AGO}: test",
                                 f"decisions: expires soon: deny demo==2.0 until {SOON}: test"]


def test_what_expires_is_told_by_runs_status_and_figures(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "decisions.toml").write_text(f'[[deny]]\nrelease = "x"\nwhy = "test"\nuntil = {LONG_AGO}\n')
    site.settings |= {"min_age": "7d", "metrics_filename": tmp_path / "m.prom",
                      "min_age_exempt": f"Demo==3.0 until {SOON} because reviewed\n  other until {LATER}"}
    assert site.run("sync") == 0
    told = f"min_age_exempt: expires soon: Demo==3.0 until {SOON}: reviewed"
    assert notices(site)[1] == told and not [each for each in notices(site) if "other" in each]
    assert 'pypimirror_expiring_exceptions{' in (tmp_path / "m.prom").read_text()
    capsys.readouterr()
    site.run("status", "--json")
    assert json.loads(capsys.readouterr().out)["expiring"] == [
        {"key": "decisions", "entry": f"deny x until {LONG_AGO}: test", "until": LONG_AGO, "expired": True},
        {"key": "min_age_exempt", "entry": f"Demo==3.0 until {SOON}: reviewed", "until": SOON, "expired": False}]
    site.run("status")
    printed = capsys.readouterr().out
    assert f"  expired: deny x until {LONG_AGO}: test\n" in printed and f"  Demo==3.0 until {SOON}: reviewed\n" in printed


def test_an_exemption_ends(site: Mirrored, upstream: Upstream) -> None:
    site.settings["min_age"] = "7d"
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    upstream.add("demo", wheel("demo", "3.0"), wheel("demo", "3.1"), upload_time=now)
    site.settings["min_age_exempt"] = f"Demo==3.0.0 until {LATER} because reviewed\n  demo==3.1 until {LONG_AGO} because then"
    assert site.run("sync") == 0
    assert versions(site) == ["1.0", "2.0", "3.0"]


def test_exemptions_are_read() -> None:
    found = exemptions(f"one two==1.0\nthree until {LATER} because a good reason\nfour because none\nfive until {LONG_AGO}", "")
    assert [(str(each), each.until, each.why) for each in found] == [
        ("one", "", ""), ("two==1.0", "", ""), ("three", LATER, "a good reason"), ("four", "", "none")]
    for text in ("until 2099-01-01", "one until never", "because x"):
        with pytest.raises(ValueError, match="lines that"):
            exemptions(text, "")


def test_plan_shows_what_a_decision_would_do(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    tree = site.tree()
    assert site.run("deny", "demo==1.0", "--why", "old", "--dry-run", "--json") == 0
    assert [entry["filename"] for entry in json.loads(capsys.readouterr().out)["remove"]] == ["demo-1.0-py3-none-any.whl"]
    assert site.run("allow", "other", "--why", "needed", "--dry-run", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["fetch"]) == 2
    assert not (tmp_path / "decisions.toml").exists() and site.tree() == tree


def test_plan_shows_what_an_edit_would_do_to_the_closure(site: Mirrored, upstream: Upstream, tmp_path: Path,
                                                         capsys: Captured) -> None:
    """An edit by hand takes a release out, and with it what no other release requires; the plan is what the sync does."""
    upstream.add("demo", wheel("demo", "3.0", requires=("third",)), upload_time=OLD)
    upstream.add("third", wheel("third", "1.0"), upload_time=OLD)
    site.settings |= {"dependencies": True, "retain_days": 0}
    assert site.run("sync") == 0
    assert site.files("third")
    (tmp_path / "decisions.toml").write_text('[[deny]]\nrelease = "demo==3.0"\nwhy = "test"\n')
    tree = site.tree()
    capsys.readouterr()
    site.run("plan", "--json")
    planned = {(entry["project"], entry["filename"]) for entry in json.loads(capsys.readouterr().out)["remove"]}
    assert planned == {("demo", "demo-3.0-py3-none-any.whl"), ("third", "third-1.0-py3-none-any.whl")}
    assert site.tree() == tree
    assert site.run("sync") == 0
    assert versions(site) == ["1.0", "2.0"] and not (site.root / "third").exists()
    (tmp_path / "decisions.toml").write_text("")
    capsys.readouterr()
    assert site.run("plan", "--json") == 0  # and back, though no file of it is in the mirror
    fetched = {(entry["project"], entry["filename"]) for entry in json.loads(capsys.readouterr().out)["fetch"]}
    assert fetched == planned


def test_missed_names_become_allow_lines(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    line = '192.0.2.7 - - [28/Nov/2026:10:00:00 +0000] "GET /{}/ HTTP/1.1" 404 12 "-" "pip"\n'
    (tmp_path / "access.log").write_text(line.format("other") + line.format("demo") + line.format("simple/Never.Heard"))
    assert site.run("allow", "--missed", "--access-log", str(tmp_path / "access.log"), "--by", "gerda") == 0
    found = loads((tmp_path / "decisions.toml").read_bytes())["allow"]
    assert found == [{"release": name, "why": "requested by clients", "by": "gerda"} for name in ("never-heard", "other")]
    assert site.run("sync") == 1  # upstream has no never-heard
    assert versions(site, "other") == ["1.0", "2.0"]


def test_the_file_keeps_what_is_in_it(site: Mirrored, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "decisions.toml"
    path.write_text('# ours\n[[deny]]\nrelease = "bad"\nwhy = "it \\"is\\" bad"\n')
    assert site.run("deny", "worse", "--why", 'a "quoted" \\ reason\nof two lines', "--by", "ä") == 0
    assert path.read_text().startswith('# ours\n[[deny]]\nrelease = "bad"\n')
    assert [each.why for each in convert(str(path), "").active] == ['it "is" bad', 'a "quoted" \\ reason of two lines']
    capsys.readouterr()
    assert site.run("deny", "Worse", "--why", "again") == 2
    assert "has this decision already: deny worse" in capsys.readouterr().err


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)],
                         ids=["FIFO", "folder", "device"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "place")
    for read in (lambda: convert("place", str(tmp_path)), lambda: text_file.read(str(tmp_path / "place"))):
        with pytest.raises(ValueError, match=r"not a regular file|Is a directory"):
            read()


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "decisions.toml").write_text('[[deny]]\nrelease = "demo"\nwhy = "test"\n', encoding="utf-8-sig")
    assert [each.project for each in convert(str(tmp_path / "decisions.toml"), "").active] == ["demo"]


def test_links_permissions_and_line_ends_of_the_file_stay(site: Mirrored, tmp_path: Path) -> None:
    working_copy = tmp_path / "working-copy.toml"
    working_copy.write_bytes(b'[[deny]]\r\nrelease = "bad"\r\nwhy = "test"\r\n')
    working_copy.chmod(0o640)
    (tmp_path / "decisions.toml").symlink_to(working_copy)
    assert site.run("deny", "worse", "--why", "see https://gerda@example.com/") == 0
    assert (tmp_path / "decisions.toml").is_symlink() and working_copy.stat().st_mode & 0o777 == 0o640
    content = working_copy.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") > 5
    assert [each.project for each in convert(str(working_copy), "").active] == ["bad", "worse"]


def test_two_that_decide_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one comes while the first one has read the file, and not written it yet."""
    path = str(tmp_path / "decisions.toml")
    seconds: list[threading.Thread] = []

    def read(*arguments: Any) -> Decisions:
        found = convert(*arguments)
        if not seconds:
            seconds.append(threading.Thread(target=decide._append_to_file,
                                            args=(path, [Decision("deny", "second", why="test")])))
            seconds[0].start()
            seconds[0].join(1)  # it waits for the first one
        return found

    monkeypatch.setattr(decide.decisions, "convert", read)
    decide._append_to_file(path, [Decision("deny", "first", why="test")])
    seconds[0].join()
    assert [each.project for each in convert(path, "").active] == ["first", "second"]
    assert [each.name for each in tmp_path.iterdir()] == ["decisions.toml"]


@pytest.mark.parametrize(("until", "day"), [
    ("2026-12-31", "2026-12-31"), ('"2026-12-31"', "2026-12-31"), ("2026-12-31T12:00:00", "2026-12-31"),
    ("2026-12-31T23:30:00-05:00", "2027-01-01"), ("2027-01-01T01:00:00+03:00", "2026-12-31"),
    ("2026-12-31T23:59:59Z", "2026-12-31"),
    ("9999-12-31T23:59:59-01:00", None), ("0001-01-01T00:00:00+01:00", None), ("12:00:00", None), ('"tomorrow"', None),
    ('"2026-12-31T00:00:00Z"', None), ('"2026-13-01"', None), ("7", None)])
def test_days_are_days_in_utc(until: str, day: str | None) -> None:
    (entry,) = loads(f'[[deny]]\nrelease = "demo"\nwhy = "test"\nuntil = {until}\n'.encode())["deny"]
    if day is None:
        with pytest.raises(ValueError, match="until"):
            parse_decision("deny", entry)
    else:
        assert parse_decision("deny", entry).until == day


def test_many_decisions_cost_a_project_no_more_than_few(tmp_path: Path) -> None:
    text = "".join(f'[[allow]]\nrelease = "p{number}==1.0"\nwhy = "x"\n' for number in range(2000))
    (tmp_path / "many.toml").write_text(text + '[[waive]]\nadvisory = "A-1"\nwhy = "x"\n')
    many = pickle.loads(pickle.dumps(convert(str(tmp_path / "many.toml"), "")))
    assert [each.project for each in many.of("allow", "p7")] == ["p7"]
    assert [each.advisory for each in many.of("waive", "p7")] == ["A-1"]
    assert many.of("deny", "p7") == ()
    assert len(many._by_subject) == 2001


def test_a_rendered_decision_is_read_as_it_was() -> None:
    made = Decision("waive", "demo", "==1.0", "PYSEC-1", 'x"\\y', "gerda", LATER)
    (entry,) = loads(render(made))["waive"]
    assert parse_decision("waive", entry) == made


@pytest.mark.parametrize(("arguments", "message"), [
    (("allow", "demo"), "allow: --why is missing"), (("allow", "--why", "x"), "allow takes projects"),
    (("waive", "--why", "x"), "waive takes the id"), (("waive", "a", "b", "c", "--why", "x"), "waive takes the id"),
    (("waive", "../x", "--why", "x"), "is not the id of an advisory"), (("deny", "a b", "--why", "x"), "is not a project"),
    (("deny", "demo[x]", "--why", "x"), "has more than"), (("deny", "demo", "--why", "x", "--until", "later"), "is not a day"),
    (("allow", "demo", "--missed"), "takes no names")])
def test_wrong_decisions_are_refused(site: Mirrored, capsys: Captured, arguments: tuple[str, ...], message: str) -> None:
    capsys.readouterr()
    assert site.run(*arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1
    assert not (site.root.parent / "decisions.toml").exists()


def test_without_the_key(mirrored: Mirrored, capsys: Captured) -> None:
    assert mirrored.run("deny", "demo", "--why", "x") == 2
    assert "deny: decisions is not set; name a TOML file there" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "message"), [
    ("[[", "a TOML file, not"), ("[[forbid]]", "without 'forbid'"), ("[deny]", "in place of [deny]"),
    ("deny = [7]", "not a table"),
    ('[[deny]]\nrelease = "x"', "why, the reason, is missing"), ('[[deny]]\nwhy = "x"', "release, a project"),
    ('[[waive]]\nrelease = "x"\nwhy = "x"', "waive takes an advisory"), ('[[deny]]\nadvisory = "A"\nwhy = "x"', "only waive"),
    ('[[deny]]\nrelease = 7\nwhy = "x"', "release is unknown, or not a text"),
    ('[[deny]]\nrelease = "x"\nwhy = "x"\nwho = "y"', "who is unknown"), ("\xff", "a TOML file")])
def test_wrong_files_are_refused(site: Mirrored, tmp_path: Path, capsys: Captured, text: str, message: str) -> None:
    (tmp_path / "decisions.toml").write_bytes(text.encode("latin-1"))
    before = site.tree()
    capsys.readouterr()
    assert site.run("sync") == 2
    printed = capsys.readouterr().err
    assert message in printed and "decisions.toml" in printed and printed.count("\n") == 1
    assert site.tree() == before


@pytest.mark.parametrize("folder", ["", "/mirror"])
def test_who_fetched_a_release(site: Mirrored, tmp_path: Path, capsys: Captured, folder: str) -> None:
    if folder:
        site.settings["base_url"] = f"https://example.com{folder}"

    def line(host: str, day: int, path: str, status: int = 200, user: str = "-", method: str = "GET") -> str:
        target = path if "://" in path else f"{folder}{path}"
        return f'{host} - {user} [{day:02}/Nov/2026:10:00:00 +0000] "{method} {target} HTTP/1.1" {status} 12 "-" "pip"\n'

    wanted = "/simple/demo/demo-1.0-py3-none-any.whl"
    (tmp_path / "access.log").write_text("".join((
        line("192.0.2.7", 3, wanted), line("192.0.2.7", 2, "/demo/demo-1.0-py3-none-any.whl", 206, "gerda"),
        line("192.0.2.7", 1, wanted), line("2001:db8::1", 2, "/packages/demo/demo-1.0-py3-none-any.whl?x=1"),
        line("192.0.2.9", 4, f"http://mirror.example.com:8080{folder}{wanted}", user="Gerda X. [it]"),
        line("192.0.2.8", 2, wanted, 404), line("192.0.2.8", 2, wanted, method="HEAD"),
        line("192.0.2.8", 2, f"{wanted}.metadata"),
        line("192.0.2.8", 2, "/demo/demo-2.0-py3-none-any.whl"), line("192.0.2.8", 2, "/demo/"), "nonsense\n")))
    arguments = ("--access-log", str(tmp_path / "access.log"))
    assert site.run("who", "Demo==1.0", *arguments, "--json") == 0
    found: Any = json.loads(capsys.readouterr().out)
    assert [(each["host"], each["user"], each["requests"], each["first"][:10], each["last"][:10]) for each in found] == [
        ("192.0.2.7", None, 2, "2026-11-01", "2026-11-03"), ("192.0.2.7", "gerda", 1, "2026-11-02", "2026-11-02"),
        ("2001:db8::1", None, 1, "2026-11-02", "2026-11-02"), ("192.0.2.9", "Gerda X. [it]", 1, "2026-11-04", "2026-11-04")]
    assert site.run("who", "demo", *arguments) == 0
    assert capsys.readouterr().out.splitlines()[-2].split() == [
        "192.0.2.8", "-", "demo-2.0-py3-none-any.whl", "1", "2026-11-02T10:00:00+00:00", "2026-11-02T10:00:00+00:00"]
    (tmp_path / "odd.log").write_bytes(b"".join((
        line("192.0.2.1", 1, wanted, user="two words").encode(), b"example.com:443 " + line("192.0.2.2", 1, wanted).encode(),
        line("192.0.2.3", 1, wanted).replace("GET ", "GET https://example.com").encode(),
        line("192.0.2.4", 1, wanted).replace('"pip"', r'"pip" 404 "').encode(),  # a client can't hide its download
        line("192.0.2.5", 1, f"//{wanted}").encode(),
        line("192.0.2.6", 1, wanted.replace("demo-1.0", "demo%2D1.0")).encode(), line("2001:db8::2", 1, wanted).encode(),
        # None of these is a download, or has a readable time.
        line("192.0.2.7", 1, wanted).replace("Nov", "Nev").encode(), line("192.0.2.7", 1, wanted, 500).encode(),
        line("192.0.2.7", 1, "/simple/demo/").replace('"pip"', f'"GET {wanted} HTTP/1.1" 200 1').encode(),
        b"\xff" * 100 + b"\n", b"x" * 200_000 + b"\n", b"\n", line("192.0.2.8", 1, wanted).encode()[:-30])))
    assert site.run("who", "demo", "--access-log", str(tmp_path / "odd.log"), "--json") == 0
    assert sorted(each["host"] for each in json.loads(capsys.readouterr().out)) == [
        "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "2001:db8::2"]
    (tmp_path / "other.log").write_text('{"ts": 1, "request": {"uri": "/demo/demo-1.0-py3-none-any.whl"}}\n')
    assert site.run("who", "demo", "--access-log", str(tmp_path / "other.log")) == 2  # no answer is better than a wrong one
    assert "other.log: no line is in the common or combined format" in capsys.readouterr().err
    assert site.run("who", "demo==7", *arguments) == 0
    assert capsys.readouterr().out == "no host has fetched demo==7\n"
    for wrong in (("who",), ("who", "demo"), ("who", "a b", *arguments), ("who", "demo", "--access-log", "none.log")):
        assert site.run(*wrong) == 2
