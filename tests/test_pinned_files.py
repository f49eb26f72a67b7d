"""Which files of pinned releases are mirrored: by version as PEP 440 has it, and by the hashes of all pin files together."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, wheel
from test_pinning import everything, pins

LINUX, WINDOWS = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"


@pytest.fixture
def pinned(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    mirrored.settings |= {"package_matches": None, "requirements": "r.txt", "build_requirements": "False",
                          "python_versions": "3.11"}
    upstream.add("foo", wheel("foo", "1.0", tag=LINUX), wheel("foo", "1.0", tag=WINDOWS), wheel("foo", "2.0"))
    return mirrored


def digest(upstream: Upstream, filename: str, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, upstream.projects['foo'][filename].body).hexdigest()}"


FOO_LINUX, FOO_WINDOWS, FOO_2 = f"foo-1.0-{LINUX}.whl", f"foo-1.0-{WINDOWS}.whl", "foo-2.0-py3-none-any.whl"


def test_a_release_is_narrowed_only_if_every_asking_file_narrows_it(
        pinned: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    pins(tmp_path, f"foo==1.0 --hash={digest(upstream, FOO_LINUX)}", name="r.txt")
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX]
    pins(tmp_path, "-c c.txt", f"foo==1.0 --hash={digest(upstream, FOO_LINUX)}", name="r.txt")
    pins(tmp_path, "foo==1.0.0", name="c.txt")
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX]
    pins(tmp_path, f"foo==1 --hash={digest(upstream, FOO_WINDOWS)}", name="w.txt")
    pinned.settings["requirements"] = "r.txt w.txt"
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX, FOO_WINDOWS]
    pinned.settings["requirements"] = "r.txt"
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX]
    pins(tmp_path, "[versions]", "foo = 1.0.0", name="v.cfg")
    pinned.settings["versions"] = "v.cfg"
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX, FOO_WINDOWS]


def test_what_is_matched_is_not_narrowed_by_pins(pinned: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    pins(tmp_path, f"foo==1.0 --hash={digest(upstream, FOO_LINUX)}", name="r.txt")
    pinned.settings |= {"package_matches": "foo"}
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX, FOO_WINDOWS, FOO_2]
    pinned.settings |= {"latest_releases": "1"}
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX, FOO_2]


@pytest.mark.parametrize("pin, files", [("1.0", ["1.0+corp1", "1.0+corp2"]), ("1.0+corp1", ["1.0+corp1"]), ("2.0", ["2.0"])])
def test_a_pin_takes_the_local_versions_that_it_matches(
        pinned: Mirrored, upstream: Upstream, tmp_path: Path, pin: str, files: list[str]) -> None:
    upstream.projects["foo"].clear()
    upstream.add("foo", *(wheel("foo", version) for version in ("1.0+corp1", "1.0+corp2", "1.0.1", "2.0")))
    pins(tmp_path, f"foo=={pin}", name="r.txt")
    assert pinned.run("sync") == 0
    assert everything(pinned) == [f"foo-{version}-py3-none-any.whl" for version in files]


@pytest.mark.parametrize("given", ["md5", "sha512", ""])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384"])
def test_a_file_without_the_hash_of_its_pin_is_fetched_and_checked(
        pinned: Mirrored, upstream: Upstream, tmp_path: Path, given: str, algorithm: str) -> None:
    for served in upstream.projects["foo"].values():
        served.facts["hashes"] = {given: hashlib.new(given, served.body).hexdigest()} if given else {}
    upstream.touch("foo")
    pins(tmp_path, f"foo==1.0 --hash={digest(upstream, FOO_LINUX, algorithm)}", name="r.txt")
    assert pinned.run("sync") == 0
    assert everything(pinned) == [FOO_LINUX]
    assert any(FOO_WINDOWS in path for path in upstream.asked())
    upstream.touch("foo")
    assert pinned.run("-U") == 0
    assert everything(pinned) == [FOO_LINUX]
    assert not any(path.endswith(".whl") for path in upstream.asked()), "what was refused is not fetched again"
    assert not pinned.untrue()


def test_a_release_of_which_no_file_has_the_hash_is_reported(
        pinned: Mirrored, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for served in upstream.projects["foo"].values():
        served.facts["hashes"] = {}
    upstream.touch("foo")
    pins(tmp_path, f"foo==1.0 --hash=sha256:{'0' * 64}", name="r.txt")
    for option in ("sync", "-U", "-U"):
        assert pinned.run(option) == 1
        assert "foo: pinned, but not available: 1.0 (no pin allows its hash)" in capsys.readouterr().err
        assert everything(pinned) == []
    assert sum(path.endswith(".whl") for path in upstream.asked()) == 2
    pins(tmp_path, f"foo==1.0 --hash={digest(upstream, FOO_LINUX)}", name="r.txt")
    assert pinned.run("-U") == 0
    assert everything(pinned) == [FOO_LINUX]


@pytest.mark.parametrize("python, files", [("3.11", [FOO_LINUX, FOO_2]), ("3.11.2", [FOO_LINUX]), ("3.11.4", [FOO_2])])
def test_a_condition_on_patch_releases_counts_where_it_holds_for_one(
        pinned: Mirrored, tmp_path: Path, python: str, files: list[str]) -> None:
    pins(tmp_path, "[versions]", "[versions:python_full_version < '3.11.3']", "foo = 1.0",
         "[versions:python_full_version >= '3.11.3']", "foo = 2.0", name="v.cfg")
    pinned.settings |= {"requirements": None, "versions": "v.cfg", "python_versions": python,
                        "platforms": "manylinux_2_28_x86_64"}
    assert pinned.run("sync") == 0
    assert everything(pinned) == files
