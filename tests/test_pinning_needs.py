"""What pinned releases need, in runs of a whole mirror: nothing is missing without a word, in every run until it is mended."""

from __future__ import annotations

import datetime
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from pypimirror.model import RequiredReleases
from pypimirror.selected import Selected, Unmet
from pypimirror.sync import clock
from pypimirror.sync.evaluate import unmet
from support.mirror import Mirrored
from support.upstream import Upstream, metadata, packed, wheel
from test_pinning import everything, modern, pins


@pytest.fixture
def needing(mirrored: Mirrored, tmp_path: Path) -> Mirrored:
    """A mirror of what ``versions.cfg`` pins and of all that this needs."""
    mirrored.settings |= {"package_matches": None, "versions": "versions.cfg", "dependencies": "True",
                          "python_versions": "3.11", "platforms": "manylinux_2_28_x86_64"}
    pins(tmp_path, "[versions]", "app = 1.0")
    return mirrored


def problems(mirrored: Mirrored, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run an update; return the lines of problems, which the status has, too."""
    capsys.readouterr()
    status = mirrored.run("-U")
    lines = [line.removeprefix("pypimirror: ") for line in capsys.readouterr().err.splitlines()]
    assert status == (1 if lines else 0)
    mirrored.run("status")
    told = capsys.readouterr().out
    assert all(line in told for line in lines)
    return lines


def broken_sdist(name: str, version: str, pyproject: str = "", more: str = "", requires: str = "") -> tuple[str, bytes]:
    files = {f"{name}.egg-info/requires.txt": requires} if requires else {}
    return packed(f"{name}-{version}", {"pyproject.toml": pyproject, "PKG-INFO": metadata(name, version, ()) + more, **files})


# --- extras

UVI = ("h11", "httptools>=0.6; extra == 'standard'", "uvi[colour]; extra == 'standard'", "rich; extra == 'colour'",
       "never; extra == 'other'")
LOCK = ["lock-version='1.0'", "created-by='x'", "[[packages]]", "name='uvi'", "version='0.30'", "extras=['standard']",
        "[[packages.wheels]]", "name='uvi-0.30-py3-none-any.whl'", "url='https://files.example.com/uvi-0.30-py3-none-any.whl'",
        f"hashes={{sha256='{hashlib.sha256(wheel('uvi', '0.30', UVI)[1]).hexdigest()}'}}"]


@pytest.mark.parametrize("files", [
    {"r.txt": ["uvi[standard]==0.30"]}, {"r.txt": ["uvi[Standard]", "-c c.txt"], "c.txt": ["uvi==0.30"]}, {"pylock.toml": LOCK},
    {"v.cfg": ["[test]", "eggs = uvi [standard]", "[versions]", "uvi = 0.30"]}])
def test_what_extras_of_pins_require_is_mirrored(
        needing: Mirrored, upstream: Upstream, tmp_path: Path, files: dict[str, list[str]]) -> None:
    for name, lines in files.items():
        pins(tmp_path, *lines, name=name)
    upstream.add("uvi", wheel("uvi", "0.30", UVI), wheel("uvi", "0.31", UVI))
    for name in ("h11", "rich", "never"):
        upstream.add(name, wheel(name, "1.0"))
    upstream.add("httptools", wheel("httptools", "0.5"), wheel("httptools", "0.6.4"))
    first = next(iter(files))
    needing.settings |= {"versions": first} if first == "v.cfg" else {"versions": None, "requirements": first}
    assert needing.run("sync") == 0
    assert everything(needing) == ["h11-1.0-py3-none-any.whl", "httptools-0.6.4-py3-none-any.whl", "rich-1.0-py3-none-any.whl",
                                   "uvi-0.30-py3-none-any.whl"]
    assert not needing.untrue()


# --- metadata that upstream does not promise

@pytest.mark.parametrize("json", [True, False])
def test_wheels_are_read_where_upstream_promises_no_metadata(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], json: bool) -> None:
    upstream.json = json
    upstream.add("app", wheel("app", "1.0", ("lib",)))
    upstream.add("lib", wheel("lib", "1.0", ("deep",)), wheel("lib", "2.0", ("deep",)))
    upstream.add("deep", wheel("deep", "1.0"))
    for project in upstream.projects.values():
        for served in project.values():
            served.metadata = None
    assert problems(needing, capsys) == []
    assert everything(needing) == ["app-1.0-py3-none-any.whl", "deep-1.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl"]
    before = needing.tree()
    assert problems(needing, capsys) == []
    assert needing.tree() == before
    assert not needing.untrue()


def test_metadata_that_is_promised_and_gone_is_read_from_the_wheel(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("app", wheel("app", "1.0", ("lib",)))
    upstream.add("lib", wheel("lib", "1.0", ("deep",)))
    upstream.add("deep", wheel("deep", "1.0"))
    upstream.answers["/files/lib/lib-1.0-py3-none-any.whl.metadata"] = (404, {}, b"")
    problems(needing, capsys)
    assert "deep-1.0-py3-none-any.whl" in everything(needing)


def test_a_hole_is_reported_by_every_run_until_it_is_mended(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("app", wheel("app", "1.0", ("lib>=2",)))
    upstream.add("lib", wheel("lib", "1.0"))
    hole = ["app-1.0-py3-none-any.whl requires lib>=2: no release fits"]
    for _ in range(3):
        assert problems(needing, capsys) == hole
    upstream.add("lib", wheel("lib", "2.0"))
    assert problems(needing, capsys) == []
    assert everything(needing) == ["app-1.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl"]


def test_what_a_run_that_ended_early_read_is_followed_by_the_next(
        needing: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("app", wheel("app", "1.0"))
    upstream.add("lib", wheel("lib", "1.0"))
    needing.settings |= {"versions": None, "package_matches": "app"}
    assert needing.run("sync") == 0
    upstream.add("app", wheel("app", "1.1", ("lib",)))

    def killed(self: object, changed: bool) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pypimirror.sync.pinning.Pinning.follow", killed)
        assert needing.run("-U") != 0
    assert needing.run("-U") == 0
    assert "lib-1.0-py3-none-any.whl" in everything(needing)


def test_what_a_removed_project_required_goes_with_it(needing: Mirrored, upstream: Upstream) -> None:
    upstream.add("app", wheel("app", "1.0", ("lib",)))
    upstream.add("lib", wheel("lib", "1.0"))
    upstream.add("apple", wheel("apple", "1.0"))
    needing.settings |= {"versions": None, "package_matches": "app*"}
    assert needing.run("sync") == 0
    assert "lib-1.0-py3-none-any.whl" in everything(needing)
    upstream.remove("app")
    assert needing.run("-U") == 0
    assert everything(needing) == ["apple-1.0-py3-none-any.whl"]


def test_what_a_release_requires_is_mirrored_when_its_file_follows_in_a_later_run(
        needing: Mirrored, upstream: Upstream) -> None:
    upstream.add("app", wheel("app", "1.0", ("lib",)))
    upstream.add("lib", wheel("lib", "1.0"))
    needing.settings |= {"versions": None, "package_matches": "app*"}
    upstream.answers["/files/app/app-1.0-py3-none-any.whl"] = (503, {}, b"")
    assert needing.run("sync") == 1
    assert everything(needing) == []
    upstream.answers.clear()
    assert needing.run("-U") == 0
    assert everything(needing) == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]


def test_what_a_file_that_upstream_replaced_requires_is_mirrored_in_the_same_run(needing: Mirrored, upstream: Upstream) -> None:
    """The new file is published after the sweep of the old one."""
    upstream.add("app", wheel("app", "1.0"))
    upstream.add("lib", wheel("lib", "1.0"))
    needing.settings |= {"versions": None, "package_matches": "app*"}
    assert needing.run("sync") == 0
    upstream.add("app", wheel("app", "1.0", ("lib",)))
    assert needing.run("-U") == 0
    assert everything(needing) == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    upstream.add("app", wheel("app", "1.0", ("never",)))
    assert needing.run("-U") == 1


# --- file names

def test_selection_and_resolver_read_file_names_alike(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    body = broken_sdist("lib", "2.0", "[build-system]\nrequires = []\n")[1]
    upstream.add("app", wheel("app", "1.0", ("lib", "tgz", "plain")))
    upstream.add("lib", ("lib-2.0-1.tar.gz", body), ("oldlib-9.0.tar.gz", body),
                 ("other-9.0-py3-none-any.whl", wheel("other", "9.0")[1]))
    upstream.add("tgz", ("tgz-2.0.tgz", body), ("tgz-1.0.tar.gz", body), (f"tgz-{'9' * 150}.tar.gz", body))
    upstream.add("plain", ("plain-1!2.0.tar.gz", body), ("plain-9.0.tar.gz", body), ("plain-x.tar.gz", body))
    assert problems(needing, capsys) == []
    assert everything(needing)[:3] == ["app-1.0-py3-none-any.whl", "lib-2.0-1.tar.gz", "plain-1!2.0.tar.gz"]


# --- what builds sdists

BUILD = {
    "hatchling": ("[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
                  "[tool.hatch.build.hooks.x]\ndependencies = ['asked<2']\n", ["hatchling-1.0", "asked-1.5"]),
    "scikit_build_core": ("[build-system]\nrequires = ['scikit-build-core']\nbuild-backend = 'scikit_build_core.build'\n"
                          "[tool.scikit-build]\ncmake.version = '>=1,<2'\nninja.version = '<2'\n",
                          ["scikit_build_core-1.0", "cmake-1.5", "ninja-1.5"]),
}


@pytest.mark.parametrize("backend", BUILD)
def test_what_a_backend_requests_is_mirrored_in_its_range(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], backend: str) -> None:
    pyproject, expected = BUILD[backend]
    upstream.add("app", broken_sdist("app", "1.0", pyproject))
    for name in ("hatchling", "scikit-build-core"):
        upstream.add(name, wheel(name, "1.0"))
    for name in ("asked", "cmake", "ninja"):
        upstream.add(name, wheel(name, "1.5"), wheel(name, "2.5"))
    assert problems(needing, capsys) == []
    assert everything(needing) == sorted(["app-1.0.tar.gz", *(f"{name}-py3-none-any.whl" for name in expected)])


@pytest.mark.parametrize(("made", "told"), [
    (broken_sdist("app", "1.0", "[build-system\n"), "app-1.0.tar.gz: pyproject.toml: "),
    (("app-1.0.tar.gz", b"<html>Please log in</html>"), "app-1.0.tar.gz: can't be read ("),
    (broken_sdist("app", "1.0", "[build-system]\nrequires = ['a b']\n"),
     "app-1.0.tar.gz: build-system.requires: 'a b' is not a requirement"),
    (broken_sdist("app", "1.0", "[build-system]\nrequires = []\n", "Requires-Dist: a b\n"),
     "app-1.0.tar.gz: 'a b' is not a requirement"),
    (broken_sdist("app", "1.0", "[build-system]\nrequires = []\n", requires="a b\n"),
     "app-1.0.tar.gz: 'a b' is not a requirement"),
    (broken_sdist("app", "1.0", "[build-system]\nrequires = 'setuptools'\n"),
     "app-1.0.tar.gz: pyproject.toml: build-system.requires is missing or not a list"),
    (broken_sdist("app", "1.0", "[build-system]\nrequires = []\n", "Dynamic: Requires-Dist\n"),
     "app-1.0.tar.gz: its requirements are unknown without a build")])
def test_a_pinned_sdist_that_leaves_open_what_it_needs_is_reported_until_it_is_silenced(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], made: tuple[str, bytes], told: str) -> None:
    upstream.add("app", made)
    for name in ("setuptools", "wheel"):
        upstream.add(name, wheel(name, "1.0"))
    for _ in range(2):
        assert [line for line in problems(needing, capsys) if told in line]
    needing.settings["ignore_build_problems"] = "other ap*"
    assert problems(needing, capsys) == []
    del needing.settings["ignore_build_problems"]
    assert [line for line in problems(needing, capsys) if told in line]


def test_what_builds_an_sdist_does_not_matter_where_it_is_not_mirrored(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("app", broken_sdist("app", "1.0", "[build-system\n", "Requires-Dist: lib\n"))
    upstream.add("lib", wheel("lib", "1.0"))
    needing.settings["build_requirements"] = "False"
    assert problems(needing, capsys) == []
    assert everything(needing) == ["app-1.0.tar.gz", "lib-1.0-py3-none-any.whl"]


def test_an_sdist_beside_a_wheel_may_leave_open_what_it_requires(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    sdist = broken_sdist("app", "1.0", "[build-system]\nrequires = []\n", "Dynamic: Requires-Dist\n")
    upstream.add("app", sdist, wheel("app", "1.0", ("lib",)))
    upstream.add("lib", wheel("lib", "1.0"))
    assert problems(needing, capsys) == []
    assert "lib-1.0-py3-none-any.whl" in everything(needing)


def test_setuptools_that_has_pkg_resources_is_mirrored_beside_the_newest(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    needing.settings["dependencies"] = "False"
    upstream.add("app", modern("app", "1.0", "setuptools"))
    upstream.add("setuptools", *(wheel("setuptools", version) for version in ("80.0", "81.0", "82.0", "83.0")))
    upstream.add("wheel", wheel("wheel", "1.0"))
    assert problems(needing, capsys) == []
    assert [name for name in everything(needing) if name.startswith("setuptools")] == [
        "setuptools-81.0-py3-none-any.whl", "setuptools-83.0-py3-none-any.whl"]
    pins(tmp_path, "[versions]", "app = 1.0", "setuptools = 80.0")
    assert problems(needing, capsys) == []
    assert [name for name in everything(needing) if name.startswith("setuptools")] == [
        "setuptools-80.0-py3-none-any.whl", "setuptools-83.0-py3-none-any.whl"]


def test_an_egg_is_read_for_what_it_requires(
        needing: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", metadata("app", "1.0", ()))
        archive.writestr("EGG-INFO/requires.txt", "lib>=1\n")
    upstream.add("app", ("app-1.0-py3.11.egg", body.getvalue()), ("app-1.0.win32.exe", b"MZ"))
    upstream.add("lib", wheel("lib", "1.0"))
    needing.settings["platforms"] = None
    assert problems(needing, capsys) == []
    assert "lib-1.0-py3-none-any.whl" in everything(needing)


# --- pins that move

@pytest.mark.parametrize("days", [0, 30])
def test_a_good_release_is_held_until_what_is_pinned_instead_is_here(
        needing: Mirrored, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    upstream.add("app", wheel("app", "1.0"), wheel("app", "1.1"))
    needing.settings |= {"retain_days": days, "retries": 1}
    assert problems(needing, capsys) == []
    pins(tmp_path, "[versions]", "app = 11.1")
    assert problems(needing, capsys) == ["app: pinned, but not available: 11.1 (upstream offers no file of it)"]
    later = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=100)
    monkeypatch.setattr(clock, "today", lambda state: later)
    assert len(problems(needing, capsys)) == 1
    assert everything(needing) == ["app-1.0-py3-none-any.whl"]
    # It exists and can't be fetched.
    upstream.answers["/files/app/app-1.1-py3-none-any.whl"] = (200, {}, b"damaged")
    pins(tmp_path, "[versions]", "app = 1.1")
    assert problems(needing, capsys)
    assert everything(needing) == ["app-1.0-py3-none-any.whl"]
    del upstream.answers["/files/app/app-1.1-py3-none-any.whl"]
    assert problems(needing, capsys) == []
    assert everything(needing) == ["app-1.1-py3-none-any.whl"]
    assert not needing.untrue()


def test_a_required_release_without_a_file_is_reported_like_a_pinned_one() -> None:
    needs = RequiredReleases(pinned={"lib": frozenset({"1.0"})}, followed={"lib": frozenset({"1.0", "2.0"})})
    selected = Selected(unmet=(Unmet("1.0"), Unmet("2.0", ("larger than 5 bytes",)), Unmet("3.0")))
    assert unmet(needs, "lib", selected) == (
        "pinned, but not available: 1.0 (upstream offers no file of it); "
        "required, but not available: 2.0 (larger than 5 bytes)")
    assert unmet(needs, "other", selected) is None
