"""Bundles carry a mirror to a site without a network: everything first, then changes, byte for byte."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.sites import Sites
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def sites(tmp_path: Path, upstream: Upstream) -> Sites:
    return Sites(tmp_path, upstream)


def populate(upstream: Upstream) -> None:
    for number in range(12):
        name = f"Some.Project{number}"
        upstream.add(name, wheel(name, "1.0"), sdist(name, "1.0", name), wheel(name, "2.0"), requires_python=">=3.8")
    upstream.add("one", wheel("one", "1.0"), yanked="broken <b>")


def test_full_change_delta_removal_delta(sites: Sites, upstream: Upstream) -> None:
    populate(upstream)
    sites.sync()
    sites.carry("full")
    upstream.add("Some.Project3", wheel("Some.Project3", "3.0"), sdist("Some.Project3", "3.0", "Some.Project3"))
    upstream.add("new.one", wheel("new.one", "1.0"))
    upstream.add("Some.Project4", wheel("Some.Project4", "1.0"), yanked=True)
    sites.sync()
    sites.carry("delta")
    assert {path.partition("/")[0] for path in sites.paths("delta") if "/" in path} == {
        "Some.Project3", "some-project3", "Some.Project4", "some-project4", "new-one", "new.one"}
    assert "some-project3/some_project3-1.0-py3-none-any.whl" not in sites.paths("delta")
    upstream.remove("Some.Project5")
    upstream.remove("Some.Project6", wheel("Some.Project6", "2.0")[0])
    upstream.statuses["some-project7"] = {"status": "quarantined", "reason": "malware"}
    upstream.touch("Some.Project7")
    sites.sync()
    sites.carry("removal")
    removed = {line[1]: line[2] for line in sites.lines("removal")[1:] if line[0] in ("removed", "gone")}
    assert removed["some-project5"] == "upstream removed the project"
    assert removed["some-project6/some_project6-2.0-py3-none-any.whl"] == "upstream does not list it any more"
    assert removed["some-project7/some_project7-2.0-py3-none-any.whl"] == "upstream quarantined the project"
    trash = {path.name for path in (sites.far.root / ".pypimirror/trash").rglob("*.whl")}
    assert {"some_project5-1.0-py3-none-any.whl", "some_project6-2.0-py3-none-any.whl"} <= trash
    assert sites.far.run("verify") == 0
    assert not (sites.far.root / ".pypimirror/incoming").exists()
    upstream.add("Some.Project5", wheel("Some.Project5", "1.0"))
    sites.sync()
    sites.carry("again")


def test_a_replaced_file_is_replaced(sites: Sites, upstream: Upstream) -> None:
    populate(upstream)
    sites.sync()
    sites.carry("full")
    upstream.add("one", wheel("one", "1.0", body="other = 1\n"))
    sites.sync()
    sites.carry("delta")
    assert sites.far.run("verify") == 0


def test_an_export_without_a_change_is_empty_and_has_the_same_mark(sites: Sites, upstream: Upstream) -> None:
    populate(upstream)
    sites.sync()
    sites.carry("full")
    assert sites.near.run("-U") == 0
    sites.carry("nothing")
    assert sites.end("nothing") == sites.end("full")
    assert sites.paths("nothing") == []


@pytest.mark.heavy
def test_pages_that_were_written_again_are_carried_though_no_project_changed(sites: Sites, upstream: Upstream) -> None:
    populate(upstream)
    sites.sync()
    sites.carry("full")
    for name in ("first", "second"):
        assert sites.near.run("-i") == 0
        sites.carry(name)
    assert sites.far.run("verify") == 0


@pytest.mark.heavy
def test_equal_exports_are_equal_to_the_byte(sites: Sites, upstream: Upstream) -> None:
    populate(upstream)
    sites.sync()
    one, other = sites.export("one", "--full", "--split", "64K"), sites.export("other", "--full", "--split", "64K")
    names = sorted(path.name for path in one.iterdir())
    assert len(names) > 2
    assert names == sorted(path.name for path in other.iterdir())
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes()
        assert (one / name).stat().st_size < 64 << 10 or name == "manifest.jsonl"


@pytest.mark.heavy
def test_a_part_is_an_archive_that_tar_unpacks(sites: Sites, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("long", wheel("long", "1.0", tag="py3-none-" + "manylinux_2_28_x86_64." * 8 + "any"))
    populate(upstream)
    sites.sync()
    folder = sites.export("full", "--split", "64K")
    (tmp_path / "plain").mkdir()
    for part in sorted(folder.glob("part-*.tar")):
        subprocess.run(["tar", "-xf", part, "-C", tmp_path / "plain"], check=True)
    plain = {str(path.relative_to(tmp_path / "plain")): path.read_bytes() for path in (tmp_path / "plain").rglob("*")
             if path.is_file() and ".bundle" not in path.parts}
    assert plain == sites.near.tree()


def test_the_order_of_bundles_is_that_of_their_marks(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    populate(upstream)
    sites.sync()
    sites.export("full")
    for version in "34":
        upstream.add("one", wheel("one", version))
        sites.sync()
        sites.export(version)
    sites.load("3", status=1)
    assert "import a full bundle first" in capsys.readouterr().err
    assert sites.far.paths() == []
    sites.load("full")
    before = sites.far.tree()
    sites.load("4", status=1)
    assert f"it needs a bundle made with export --since {sites.end('full')}" in capsys.readouterr().err
    assert sites.far.tree() == before
    sites.load("3")
    sites.load("4")
    sites.equal()
    sites.load("4")  # once more: nothing to do
    sites.load("full", status=1)
    assert "older than" in capsys.readouterr().err
    sites.equal()
    sites.export("both", "--since", sites.end("full"))
    sites.far.settings["mirror_file_path"] = sites.far.root = sites.folder / "other" / "mirror"
    sites.far.root.parent.mkdir()
    sites.load("full")
    sites.load("both")
    sites.equal()


@pytest.mark.heavy
def test_removals_that_are_too_many_are_held_back(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    for number in range(40):
        upstream.add(f"p{number}", wheel(f"p{number}", "1.0"))
    sites.sync()
    sites.carry("full")
    for number in range(20):
        upstream.remove(f"p{number}")
    upstream.add("new", wheel("new", "1.0"))
    sites.sync()
    sites.export("removal")
    capsys.readouterr()
    sites.load("removal", status=4)
    assert "the bundle would take away 20 of 40 projects and 20 of 40 files" in capsys.readouterr().err
    assert sites.far.files("new") and sites.far.files("p0")
    sites.load("removal", "--allow-deletions")
    sites.equal()
    upstream.add("newer", wheel("newer", "1.0"))
    sites.sync()
    sites.carry("next")


def test_the_far_side_may_have_its_own_address(sites: Sites, upstream: Upstream) -> None:
    populate(upstream)
    sites.near.settings["base_url"] = "https://near.example.com"
    sites.far.settings["base_url"] = "https://far.example.com"
    sites.sync()
    sites.export("full")
    sites.load("full")
    near, far = sites.near.tree(), sites.far.tree()
    assert [path for path in near if near[path] != far[path]] == ["full.html"]
    assert far["full.html"] == near["full.html"].replace(b"https://near.example.com", b"https://far.example.com")
    assert sites.far.run("verify") == 0


def test_a_receipt_brings_again_what_was_lost(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    populate(upstream)
    sites.sync()
    sites.carry("full")
    receipt = json.loads((sites.bundle("full") / "receipt.json").read_text())
    assert receipt["mark"] == sites.end("full") and receipt["lacking"] == []
    upstream.add("one", wheel("one", "2.0"))
    sites.sync()
    sites.export("delta", "--against", str(sites.bundle("full") / "receipt.json"))
    sites.load("delta")
    sites.equal()


def test_a_listing_of_sha256sum_is_enough(sites: Sites, upstream: Upstream, tmp_path: Path) -> None:
    populate(upstream)
    sites.sync()
    sites.carry("full")
    command = "find . -type f -not -path './.pypimirror/*' -exec sha256sum {} +"
    listed = subprocess.run(["sh", "-c", command], cwd=sites.far.root, capture_output=True, check=True).stdout
    (tmp_path / "listing").write_bytes(listed)
    upstream.add("one", wheel("one", "2.0"))
    upstream.remove("Some.Project5")
    sites.sync()
    sites.export("against", "--against", str(tmp_path / "listing"))
    assert {path.partition("/")[0] for path in sites.paths("against") if "/" in path} == {"one"}
    sites.load("against")
    sites.equal()
