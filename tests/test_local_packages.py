"""``local_packages``: a site's own distributions in its mirror."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.flat_directories import archive, egg, info, put, zip64
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


@pytest.fixture
def local(tmp_path: Path, mirrored: Mirrored, upstream: Upstream) -> Path:
    """The directory of a site that has ``site.policy``; upstream has a project of that name, too, and ``public``."""
    folder = tmp_path / "local"
    put(folder, sdist("site.policy", "1.0", "site.policy"))
    upstream.add("site.policy", wheel("site.policy", "99.0", body="evil = True\n"))
    upstream.add("public", wheel("public", "1.0"))
    mirrored.settings |= {"local_packages": folder, "package_matches": "public"}
    return folder


@pytest.mark.parametrize("matches", ["public", "*", "pub*"])
def test_they_are_mirrored_whatever_is_asked_for_and_never_looked_up_elsewhere(
        mirrored: Mirrored, local: Path, upstream: Upstream, matches: str) -> None:
    mirrored.settings["package_matches"] = matches
    for verb in ("-I", "-U", "-U"):
        assert mirrored.run(verb) == 0
        assert mirrored.files("site-policy") == ["site.policy-1.0.tar.gz"]
        assert mirrored.files("public") == ["public-1.0-py3-none-any.whl"]
    assert "site.policy</a>" in mirrored.read("index.html")
    assert not [path for path in upstream.asked() if "site" in path]
    assert not mirrored.untrue()


def test_they_alone_can_make_a_mirror(mirrored: Mirrored, local: Path, upstream: Upstream) -> None:
    mirrored.settings["package_matches"] = None
    assert mirrored.run("sync") == 0
    assert mirrored.files("site-policy") == ["site.policy-1.0.tar.gz"]
    assert not upstream.asked()


def test_all_kinds_are_indexed_like_any_others(mirrored: Mirrored, local: Path) -> None:
    python = "Requires-Python: >=3.9"
    put(local, archive("site_policy-2.0-py3-none-any.whl", {
        "site_policy-2.0.dist-info/METADATA": info("site.policy", "2.0", python)}))
    large = info("site.policy", "3.0", python).encode()
    put(local, ("site_policy-3.0-py3-none-any.whl", zip64("site_policy-3.0.dist-info/METADATA", large)))
    put(local, egg("site.policy", "1.5", python), archive("site.policy-1.7.zip", {
        "site.policy-1.7/PKG-INFO": info("site.policy", "1.7", python)}))
    assert mirrored.run("sync") == 0
    page = {entry["filename"]: entry for entry in mirrored.page("site-policy")["files"]}
    assert {name: entry.get("requires-python") for name, entry in page.items()} == {
        "site.policy-1.0.tar.gz": None, "site.policy-1.5-py3.11.egg": ">=3.9", "site.policy-1.7.zip": ">=3.9",
        "site_policy-2.0-py3-none-any.whl": ">=3.9", "site_policy-3.0-py3-none-any.whl": ">=3.9"}
    assert 'data-requires-python="&gt;=3.9"' in mirrored.read("site-policy/index.html")
    assert "site-policy/site_policy-2.0-py3-none-any.whl.metadata" in mirrored.paths()


def test_what_is_excluded_is_not_mirrored_and_not_taken_from_elsewhere(
        mirrored: Mirrored, local: Path, upstream: Upstream) -> None:
    mirrored.settings |= {"package_matches": "*", "package_excludes": "site.*"}
    assert mirrored.run("sync") == 0
    assert not [path for path in mirrored.paths() if path.startswith("site")]
    assert not [path for path in upstream.asked() if "site" in path]


def test_filters_hold_for_them_too(mirrored: Mirrored, local: Path) -> None:
    put(local, wheel("site.policy", "2.0"), wheel("site.policy", "3.0"))
    mirrored.settings |= {"package_types": "wheel", "latest_releases": 1}
    assert mirrored.run("sync") == 0
    assert mirrored.files("site-policy") == ["site_policy-3.0-py3-none-any.whl"]


@pytest.mark.parametrize("matches", ["public", "public site.policy", "*"])
def test_they_go_when_their_file_goes(mirrored: Mirrored, local: Path, upstream: Upstream, matches: str) -> None:
    upstream.remove("site.policy")
    mirrored.settings["package_matches"] = matches
    put(local, wheel("site.policy", "2.0"))
    assert mirrored.run("sync") == 0
    (local / "site.policy-1.0.tar.gz").unlink()
    assert mirrored.run("-U") == 0
    assert mirrored.files("site-policy") == ["site_policy-2.0-py3-none-any.whl"]
    (local / wheel("site.policy", "2.0")[0]).unlink()
    # An exact name that nobody has any more is reported, and goes when a second run confirms it.
    if "site.policy" in matches:
        assert mirrored.run("-U") == 1
        assert mirrored.files("site-policy")
    assert mirrored.run("-U") == ("site.policy" in matches)
    assert not [path for path in mirrored.paths() if path.startswith("site")]
    assert mirrored.run("-U") == ("site.policy" in matches)


def test_without_a_file_of_the_sites_own_the_index_counts_again(mirrored: Mirrored, local: Path) -> None:
    mirrored.settings["package_matches"] = "*"
    assert mirrored.run("sync") == 0
    (local / "site.policy-1.0.tar.gz").unlink()
    assert mirrored.run("-U") == 0
    assert mirrored.files("site-policy") == ["site_policy-99.0-py3-none-any.whl"]


def test_a_project_becomes_the_sites_own_with_its_first_file(mirrored: Mirrored, local: Path) -> None:
    assert mirrored.run("sync") == 0
    put(local, wheel("public", "0.1"))
    assert mirrored.run("-U") == 0
    assert mirrored.files("public") == ["public-0.1-py3-none-any.whl"]
    assert not mirrored.untrue()


def test_a_file_of_the_sites_own_goes_when_another_index_has_its_project_now(
        mirrored: Mirrored, local: Path, upstream: Upstream) -> None:
    mirrored.settings |= {"package_matches": "*", "cleanup": "False"}
    assert mirrored.run("sync") == 0
    (local / "site.policy-1.0.tar.gz").unlink()
    assert mirrored.run("-U") == 0
    assert mirrored.files("site-policy") == ["site_policy-99.0-py3-none-any.whl"]


@pytest.mark.parametrize("matches", ["public", "*"])
def test_a_broken_file_is_told_in_every_run_until_it_is_put_right(
        mirrored: Mirrored, local: Path, capsys: pytest.CaptureFixture[str], matches: str) -> None:
    mirrored.settings["package_matches"] = matches
    name, body = wheel("site.policy", "2.0")
    put(local, (name, body[:-20]))
    for verb in ("-I", "-U", "-U"):
        assert mirrored.run(verb) == 1
        assert f"site-policy: {name}: a broken archive" in capsys.readouterr().err
        assert mirrored.files("site-policy") == ["site.policy-1.0.tar.gz"]
    mirrored.settings["filename_excludes"] = "*.exe"  # what is remembered is selected from anew
    assert mirrored.run("-U") == 1
    put(local, (name, body))
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("site-policy")) == 2


def test_a_project_with_broken_files_alone_is_not_taken_from_elsewhere(
        mirrored: Mirrored, local: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    mirrored.settings["package_matches"] = "*"
    (local / "site.policy-1.0.tar.gz").write_bytes(b"broken")
    assert mirrored.run("sync") == 1
    assert "site-policy: site.policy-1.0.tar.gz: a broken archive" in capsys.readouterr().err
    assert not [path for path in upstream.asked() if "site" in path]
    assert not [path for path in mirrored.paths() if path.endswith("99.0-py3-none-any.whl")]


@pytest.mark.parametrize("matches", ["public", "*"])
def test_a_file_whose_name_tells_no_project_is_told_in_every_run(
        mirrored: Mirrored, local: Path, capsys: pytest.CaptureFixture[str], matches: str) -> None:
    mirrored.settings["package_matches"] = matches
    put(local, ("our-latest.zip", b""))
    for verb in ("-I", "-U"):
        assert mirrored.run(verb) == 1
        assert f"{local}/our-latest.zip: the project can't be determined from its name" in capsys.readouterr().err
        assert mirrored.files("public")


def test_a_directory_that_is_not_there_is_one_line(
        mirrored: Mirrored, local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mirrored.settings["local_packages"] = tmp_path / "missing"
    assert mirrored.run("sync") == 2
    assert f"local_packages = {tmp_path}/missing: no such directory" in capsys.readouterr().err
    assert not mirrored.root.exists()


def test_an_empty_directory_is_a_site_that_has_nothing_of_its_own_yet(mirrored: Mirrored, local: Path) -> None:
    (local / "site.policy-1.0.tar.gz").unlink()
    assert mirrored.run("sync") == 0
    assert mirrored.files("public")


def test_without_the_key_what_came_from_there_goes(mirrored: Mirrored, local: Path) -> None:
    assert mirrored.run("sync") == 0
    mirrored.settings["local_packages"] = None
    assert mirrored.run("sync") == 0
    assert not [path for path in mirrored.paths() if path.startswith("site")]


def test_what_they_require_is_followed_with_them(mirrored: Mirrored, local: Path, upstream: Upstream) -> None:
    upstream.add("needed", wheel("needed", "1.0"))
    put(local, wheel("site.policy", "2.0", ("needed",)))
    mirrored.settings |= {"dependencies": "True", "package_matches": "public", "python_versions": "3.11",
                          "package_types": "wheel"}
    assert mirrored.run("sync") == 0
    assert mirrored.files("needed") == ["needed-1.0-py3-none-any.whl"]


def test_a_plan_tells_of_them_and_touches_nothing(mirrored: Mirrored, local: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    assert mirrored.run("plan", "--json") == 0
    assert "site.policy-1.0.tar.gz" in capsys.readouterr().out
    assert not mirrored.root.exists()
