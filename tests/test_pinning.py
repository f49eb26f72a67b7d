"""Pins in runs of a whole mirror: what deployments pin, what that needs, and what is said of the rest."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from pypimirror.sync import clock
from support.mirror import Mirrored
from support.upstream import Upstream, metadata, sdist, wheel


@pytest.fixture
def pinned(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror of what ``versions.cfg`` beside its configuration pins, and nothing else."""
    mirrored.settings |= {"package_matches": None, "versions": "versions.cfg", "build_requirements": "False",
                          "python_versions": "3.11", "platforms": "manylinux_2_28_x86_64"}
    for name in ("one", "two", "three"):
        upstream.add(name, *(wheel(name, version) for version in ("1.0", "2.0", "3.0")))
    pins(tmp_path, "[versions]", "one = 1.0", "two = 2.0")
    return mirrored


def pins(folder: Path, *lines: str, name: str = "versions.cfg") -> None:
    (folder / name).write_text("\n".join(lines) + "\n")


def modern(name: str, version: str, *requires: str) -> tuple[str, bytes]:
    """Build an sdist that says what it needs to be built."""
    members = {"PKG-INFO": metadata(name, version, ()), "pyproject.toml": f"[build-system]\nrequires = {list(requires)}\n"}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, text in members.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", gzip.compress(raw.getvalue(), mtime=0)


def everything(mirrored: Mirrored) -> list[str]:
    return [Path(path).name for path in mirrored.paths() if path.endswith((".whl", ".gz"))]


def test_exactly_what_is_pinned_is_mirrored_and_the_list_is_never_asked_for(pinned: Mirrored, upstream: Upstream) -> None:
    assert pinned.run("sync") == 0
    assert everything(pinned) == ["one-1.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"]
    assert "/simple/" not in upstream.asked()
    assert pinned.run("-U") == 0
    assert sorted(upstream.asked()) == ["/simple/one/", "/simple/two/"]
    assert not pinned.untrue()


def test_matches_add_whole_projects_and_filters_hold_back_no_pins(pinned: Mirrored) -> None:
    pinned.settings |= {"package_matches": "t*", "latest_releases": "1"}
    assert pinned.run("sync") == 0
    assert everything(pinned) == ["one-1.0-py3-none-any.whl", "three-3.0-py3-none-any.whl", "two-2.0-py3-none-any.whl",
                                  "two-3.0-py3-none-any.whl"]


def test_a_moved_pin_leaves_the_old_release_for_a_while(
        pinned: Mirrored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pinned.run("sync") == 0
    pins(tmp_path, "[versions]", "one = 3.0")
    assert pinned.run("-U") == 0
    assert everything(pinned) == ["one-1.0-py3-none-any.whl", "one-3.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"]

    later = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=91)
    monkeypatch.setattr(clock, "today", lambda state: later)
    assert pinned.run("-U") == 0
    assert everything(pinned) == ["one-3.0-py3-none-any.whl"]


def test_pins_that_are_taken_out_leave_their_releases_for_a_while_too(
        pinned: Mirrored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pinned.settings["package_matches"] = "three"
    assert pinned.run("sync") == 0
    before = everything(pinned)
    pinned.settings["versions"] = None
    for _ in range(3):
        assert pinned.run("plan") == 0
        assert "remove " not in capsys.readouterr().out
        assert pinned.run("-U") == 0
        assert everything(pinned) == before
    later = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=91)
    monkeypatch.setattr(clock, "today", lambda state: later)
    for _ in range(2):
        assert pinned.run("-U") == 0
        assert everything(pinned) == [f"three-{version}-py3-none-any.whl" for version in ("1.0", "2.0", "3.0")]


def test_with_retain_days_0_a_moved_pin_moves_at_once(pinned: Mirrored, tmp_path: Path) -> None:
    pinned.settings["retain_days"] = 0
    assert pinned.run("sync") == 0
    pins(tmp_path, "[versions]", "one = 3.0")
    assert pinned.run("-U") == 0
    assert everything(pinned) == ["one-3.0-py3-none-any.whl"]


def test_what_is_pinned_and_not_to_be_had_is_reported_by_name_in_every_run(
        pinned: Mirrored, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pins(tmp_path, "[versions]", "one = 1.0", "two = 9.9", "absent = 1.0")
    for _ in range(2):
        assert pinned.run("-U") == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines == ["pypimirror: absent: pinned, but not available: 1.0 (upstream offers no file of it)",
                         "pypimirror: two: pinned, but not available: 9.9 (upstream offers no file of it)"]
    assert pinned.run("status") == 0
    assert "two: pinned, but not available: 9.9" in capsys.readouterr().out
    assert everything(pinned) == ["one-1.0-py3-none-any.whl"]
    pins(tmp_path, "[versions]", "one = 1.0")
    assert pinned.run("-U") == 0


def test_a_pinned_release_that_file_filters_leave_nothing_of_is_reported(
        pinned: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    pinned.settings["filename_excludes"] = "two-*"
    assert pinned.run("sync") == 1
    assert "two: pinned, but not available: 2.0 (" in capsys.readouterr().err


def test_the_pin_files_are_kept_in_the_mirror_flattened(pinned: Mirrored, tmp_path: Path, upstream: Upstream) -> None:
    upstream.answers["/pins/release/base.cfg"] = (200, {}, b"[versions]\none = 1.0\nthree = 3.0\n")
    pins(tmp_path, "[buildout]", f"extends = {upstream.host}/pins/release/base.cfg", "[versions]", "two = 2.0", "three =")
    assert pinned.run("sync") == 0
    (kept,) = [path for path in pinned.paths() if path.startswith("pins/") and path.endswith(".cfg")]
    text = pinned.read(kept)
    assert "one = 1.0" in text
    assert "two = 2.0" in text
    assert upstream.host not in text
    assert everything(pinned) == ["one-1.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"]


@pytest.mark.parametrize("answer", [
    (404, {}, b""), (200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"), (200, {}, b"[buildout]\n"),
    (200, {}, b"\xff")])
def test_where_a_pin_file_cant_be_had_the_last_good_one_counts(
        pinned: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], answer: object) -> None:
    upstream.answers["/versions.cfg"] = (200, {}, b"[versions]\none = 1.0\n")
    pinned.settings["versions"] = f"{upstream.host}/versions.cfg"
    assert pinned.run("sync") == 0
    before = pinned.tree()
    upstream.answers["/versions.cfg"] = answer
    assert pinned.run("-U") == 1
    assert "using the last good copy" in capsys.readouterr().err
    assert pinned.tree() == before


def test_a_first_run_without_its_pin_file_says_so_and_goes_on(pinned: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    pinned.settings |= {"versions": "missing.cfg", "package_matches": "three"}
    assert pinned.run("sync") == 1
    assert "missing.cfg" in capsys.readouterr().err
    assert len(everything(pinned)) == 3


def test_requirements_pin_too_and_their_hashes_are_checked(
        pinned: Mirrored, tmp_path: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    good = hashlib.sha256(upstream.projects["one"]["one-2.0-py3-none-any.whl"].body).hexdigest()
    pins(tmp_path, f"one==2.0 --hash=sha256:{good}", f"three==3.0 --hash=sha256:{'0' * 64}",
         "two==1.0 ; python_version < '3'", name="requirements.txt")
    pinned.settings |= {"versions": None, "requirements": "requirements.txt"}
    assert pinned.run("sync") == 1
    assert "three: pinned, but not available: 3.0 (no pin allows its hash)" in capsys.readouterr().err
    assert everything(pinned) == ["one-2.0-py3-none-any.whl"]


def test_what_sdists_need_to_be_built_is_mirrored_to_the_end(pinned: Mirrored, tmp_path: Path, upstream: Upstream) -> None:
    upstream.add("app", modern("app", "1.0", "backend>=2"), modern("app", "0.9", "never"))
    upstream.add("backend", *(wheel("backend", version, requires=("helper",)) for version in ("1.0", "2.0", "2.1", "3.0a1")))
    upstream.add("helper", wheel("helper", "1.0"), modern("helper", "2.0", "flit"))
    pinned.settings["build_requirements"] = "True"
    pins(tmp_path, "[versions]", "app = 1.0")
    assert pinned.run("sync") == 0
    assert everything(pinned) == ["app-1.0.tar.gz", "backend-2.1-py3-none-any.whl", "helper-1.0-py3-none-any.whl"]
    assert not pinned.untrue()
    before = pinned.tree()
    upstream.asked()
    assert pinned.run("-U") == 0
    assert sorted(upstream.asked()) == ["/simple/app/", "/simple/backend/", "/simple/helper/"]
    assert pinned.tree() == before
    upstream.add("backend", wheel("backend", "2.2"))
    assert pinned.run("-U") == 0
    assert everything(pinned) == ["app-1.0.tar.gz", "backend-2.2-py3-none-any.whl"]


def test_an_old_sdist_needs_setuptools_and_wheel(pinned: Mirrored, tmp_path: Path, upstream: Upstream) -> None:
    upstream.add("app", sdist("app", "1.0"))
    upstream.add("setuptools", wheel("setuptools", "80.0"))
    pinned.settings["build_requirements"] = "True"
    pins(tmp_path, "[versions]", "app = 1.0")
    assert pinned.run("sync") == 1
    log = (pinned.root / ".pypimirror/pypimirror.log").read_text()
    assert "app-1.0.tar.gz requires wheel: no release fits" in log
    upstream.add("wheel", wheel("wheel", "0.45"))
    pinned.settings["retries"] = 1
    assert pinned.run("-I") == 0
    assert everything(pinned) == ["app-1.0.tar.gz", "setuptools-80.0-py3-none-any.whl", "wheel-0.45-py3-none-any.whl"]


def test_dependencies_follow_what_is_required_at_run_time(pinned: Mirrored, upstream: Upstream) -> None:
    upstream.add("app", wheel("app", "1.0", requires=("one<3", "two; python_version < '3'", "three; sys_platform == 'linux'")))
    pinned.settings |= {"versions": None, "package_matches": "app", "dependencies": "True"}
    assert pinned.run("sync") == 0
    assert everything(pinned) == ["app-1.0-py3-none-any.whl", "one-2.0-py3-none-any.whl", "three-3.0-py3-none-any.whl"]
    assert "/simple/" not in upstream.asked()
    pinned.settings["dependencies"] = "False"
    assert pinned.run("-U") == 0
    assert everything(pinned) == ["app-1.0-py3-none-any.whl"]


def test_excluded_packages_are_not_mirrored_though_pinned_or_needed(pinned: Mirrored, upstream: Upstream) -> None:
    upstream.add("app", wheel("app", "1.0", requires=("one",)))
    pinned.settings |= {"package_matches": "app", "dependencies": "True", "package_excludes": "one"}
    assert pinned.run("sync") == 1
    assert everything(pinned) == ["app-1.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"]


def test_pages_are_written_again_without_asking_for_pin_files(pinned: Mirrored, upstream: Upstream) -> None:
    upstream.answers["/versions.cfg"] = (200, {}, b"[versions]\none = 1.0\n")
    pinned.settings["versions"] = f"{upstream.host}/versions.cfg"
    assert pinned.run("sync") == 0
    (pinned.root / "one/index.html").unlink()
    upstream.asked()
    assert pinned.run("-i") == 0
    assert upstream.asked() == []
    assert pinned.files("one") == ["one-1.0-py3-none-any.whl"]


def test_the_extends_cache_serves_buildout(pinned: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.answers["/versions.cfg"] = (200, {}, b"[versions]\none = 1.0\n")
    url = f"{upstream.host}/versions.cfg"
    pinned.settings |= {"versions": url, "extends_cache": "cache"}
    assert pinned.run("sync") == 0
    assert (tmp_path / "cache" / hashlib.md5(url.encode()).hexdigest()).read_bytes() == b"[versions]\none = 1.0\n"


def test_pins_gone_from_the_configuration_are_gone_from_the_mirror(pinned: Mirrored) -> None:
    pinned.settings["retain_days"] = 0
    assert pinned.run("sync") == 0
    pinned.settings |= {"versions": None, "package_matches": "three"}
    assert pinned.run("-U") == 0
    assert not [path for path in pinned.paths() if path.startswith(("pins/", "one/", "two/"))]
    assert json.loads(pinned.read("index.v1_json"))["projects"][0]["name"] == "three"


def test_what_is_pinned_and_deleted_upstream_stays_and_is_reported(pinned: Mirrored, upstream: Upstream) -> None:
    assert pinned.run("sync") == 0
    upstream.remove("one", "one-1.0-py3-none-any.whl")
    upstream.remove("two")
    for status in (1, 0):   # a project's first 404 is reported, the second confirms it
        assert pinned.run("-U") == status
        assert everything(pinned) == ["one-1.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"]
        assert not pinned.untrue()
    assert "2 files stay that upstream does not list" in (pinned.root / ".pypimirror/pypimirror.log").read_text()
    upstream.add("two", wheel("two", "1.0"))
    upstream.statuses["two"] = {"status": "quarantined"}
    assert pinned.run("-U") == 0
    assert everything(pinned) == ["one-1.0-py3-none-any.whl"]


def test_a_lost_state_takes_no_retained_release_down(pinned: Mirrored, tmp_path: Path) -> None:
    assert pinned.run("sync") == 0
    pins(tmp_path, "[versions]", "one = 3.0", "two = 2.0")
    assert pinned.run("-U") == 0
    before = everything(pinned)
    (pinned.root / ".pypimirror/state.sqlite").unlink()
    assert pinned.run("-U") == 0
    assert everything(pinned) == before == [
        "one-1.0-py3-none-any.whl", "one-3.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"]
