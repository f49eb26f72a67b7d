"""Bundles of mirrors of every kind: sidecars, formats, own distributions, pins, object stores; far sides that were changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pypimirror.bundles.journal import Journal
from pypimirror.metadata.bounded_toml import loads
from support import wheelhouse
from support.json_schema import violations
from support.object_store import MirroredInBucket, Store
from support.sites import Sites, one_line
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def sites(tmp_path: Path, upstream: Upstream) -> Sites:
    made = Sites(tmp_path, upstream)
    for name in ("Some.One", "two", "three"):
        upstream.add(name, wheel(name, "1.0"), sdist(name, "1.0", name))
    return made


def change(upstream: Upstream) -> None:
    upstream.add("Some.One", wheel("Some.One", "2.0"))
    upstream.remove("two", sdist("two", "1.0")[0])
    upstream.remove("three")


@pytest.mark.parametrize("settings", [
    {"index_formats": "html json full legacy-json browse", "base_url": "https://pypi.example.com", "legacy_names": "False"},
    {"create_indexes": "False"}], ids=str)
def test_a_mirror_with_other_settings(sites: Sites, upstream: Upstream, settings: dict[str, Any]) -> None:
    sites.near.settings |= settings
    sites.far.settings |= settings
    project = upstream.projects["some-one"]
    for served in project.values():
        served.beside = {".asc": b"signature", ".provenance": b"{}"}
    upstream.touch("Some.One")
    sites.sync()
    sites.carry("full")
    assert any(path.endswith(".asc") for path in sites.far.paths())
    assert sites.far.run("verify") == 0
    change(upstream)
    sites.sync()
    sites.carry("delta")
    assert sites.far.run("verify") == 0


def test_an_import_in_several_processes(sites: Sites) -> None:
    sites.far.settings["engine"] = "processes"
    sites.sync()
    sites.carry("full")


def test_a_sidecar_that_no_page_lists_is_carried(sites: Sites, upstream: Upstream) -> None:
    """A page in HTML without a secure address does not show that there is provenance."""
    sites.near.settings["index_formats"] = sites.far.settings["index_formats"] = "html"
    sites.sync()
    sites.carry("full")
    for served in upstream.projects["two"].values():
        served.beside = {".provenance": b"{}"}
    upstream.touch("two")
    sites.sync()
    assert "two/two-1.0.tar.gz.provenance" in sites.near.paths()
    sites.carry("delta")


def test_own_distributions_and_pin_files_are_carried(sites: Sites, upstream: Upstream, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for version in ("1.0", "1.1"):
        name, body = wheel("our.site", version)
        (own / name).write_bytes(body)
    versions = tmp_path / "near" / "versions.cfg"
    versions.write_text("[versions]\ntwo = 1.0\n")
    sites.near.settings |= {"local_packages": own, "versions": versions, "build_requirements": "False"}
    sites.sync()
    sites.carry("full")
    assert sites.far.files("our-site")
    [pins] = [path for path in sites.far.paths() if path.startswith("pins/") and path.endswith(".cfg")]
    assert "two = 1.0" in sites.far.read(pins)
    (own / name).write_bytes(wheel("our.site", "1.1", body="changed = 1\n")[1])
    versions.write_text("[versions]\ntwo = 1.0\nthree = 1.0\n")
    sites.sync()
    sites.carry("delta")
    assert "three = 1.0" in sites.far.read(pins)
    del sites.near.settings["versions"]
    sites.sync()
    sites.carry("without")
    assert not [path for path in sites.far.paths() if path.startswith("pins/")]
    assert sites.far.run("verify") == 0


def test_a_lock_file_among_the_pins_has_the_links_of_its_own_side(sites: Sites, upstream: Upstream) -> None:
    name, body = wheel("two", "2.0+local.1")
    upstream.add("two", (name, body))
    versions = sites.folder / "near" / "versions.cfg"
    versions.write_text("[versions]\ntwo = 2.0+local.1\nSome.One = 1.0\n")
    sites.near.settings |= {"versions": versions, "build_requirements": "False", "base_url": "https://near.example.com/pypi"}
    sites.far.settings["base_url"] = "https://far.example.com"
    sites.sync()
    sites.export("full")
    sites.load("full")
    [lock] = [path for path in sites.near.paths() if path.endswith(".toml")]
    near = sites.near.read(lock)
    assert near.count("https://near.example.com/pypi/") == 3 and "two-2.0%2Blocal.1" in near
    assert sites.far.read(lock) == near.replace("https://near.example.com/pypi", "https://far.example.com")
    del sites.far.settings["base_url"]
    sites.export("again", "--full")
    sites.load("again")
    [one, other] = loads(sites.far.read(lock))["packages"]
    assert other["wheels"][0] | {"hashes": ""} == {
        "name": name, "path": f"../two/{name}", "size": len(body), "hashes": ""}
    assert one["sdist"]["path"] == "../some-one/Some.One-1.0.tar.gz"
    del sites.near.settings["base_url"]
    sites.sync()
    sites.carry("relative")


def test_formats_that_differ_are_reported(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.near.settings["index_formats"] = "html json browse"
    sites.sync()
    sites.export("full")
    capsys.readouterr()
    sites.load("full")
    assert "the exported mirror, which has index_formats = html json browse" in capsys.readouterr().out
    assert sites.far.untrue() == []
    assert sites.far.run("verify") == 0


def test_a_new_address_of_the_far_side_is_on_all_pages_after_the_next_import(sites: Sites, upstream: Upstream) -> None:
    sites.sync()
    sites.carry("full")
    sites.far.settings["base_url"] = "https://far.example.com"
    upstream.add("two", wheel("two", "2.0"))
    sites.sync()
    sites.export("delta")
    sites.load("delta")
    assert sites.far.read("full.html").count("https://far.example.com/") == 7
    assert sites.far.run("verify") == 0


# --- far sides that were disturbed


def test_a_far_side_that_was_changed_needs_a_listing(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.sync()
    sites.carry("full")
    synced = dict(sites.far.settings)
    sites.far.settings |= {"index_url": upstream.url, "package_matches": "two three"}
    assert sites.far.run("sync") == 0
    sites.far.settings = synced
    change(upstream)
    sites.sync()
    sites.export("delta")
    capsys.readouterr()
    sites.load("delta", status=1)
    assert "was changed after the import of the mark" in capsys.readouterr().err
    listing = sites.folder / "listing"
    command = "find . -type f -not -path './.pypimirror/*' -exec sha256sum {} +"
    listing.write_bytes(subprocess.run(["sh", "-c", command], cwd=sites.far.root, capture_output=True, check=True).stdout)
    sites.carry("against", "--against", str(listing))
    upstream.add("four", wheel("four", "1.0"))
    sites.sync()
    sites.carry("next")


def test_a_far_side_that_lost_its_state_needs_everything_and_writes_little(
        sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.sync()
    sites.carry("full")
    before = {path: (sites.far.root / path).stat().st_ino for path in sites.far.paths() if path.endswith((".whl", ".gz"))}
    for path in (sites.far.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    change(upstream)
    sites.sync()
    sites.export("delta")
    sites.load("delta", status=1)
    assert "has no mark; import a full bundle first" in capsys.readouterr().err
    sites.carry("whole", "--full")
    after = {path: (sites.far.root / path).stat().st_ino for path in sites.far.paths()}
    assert {path: inode for path, inode in before.items() if path in after} == {
        path: after[path] for path in before if path in after}


def test_a_journal_that_was_lost_needs_a_full_export(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.sync()
    sites.carry("full")
    for path in (sites.near.root / ".pypimirror").glob("bundles.sqlite*"):
        path.unlink()
    capsys.readouterr()
    sites.export("delta", "--since", sites.end("full"), status=2)
    assert "unknown mark" in one_line(capsys.readouterr().err)
    sites.export("again", "--full")
    sites.load("again", status=1)
    assert "follow the other one, import with --allow-deletions" in capsys.readouterr().err
    sites.load("again", "--allow-deletions")
    sites.equal()


@pytest.mark.parametrize(("damage", "told"), [
    ("DROP TABLE marks", "missing: marks"), ("DROP TABLE advisories", "missing: advisories, advisories_by_serial"),
    ("UPDATE facts SET value = x'ff'", "the identifier of the mirror is missing or damaged")])
def test_a_damaged_journal_is_named(sites: Sites, capsys: Captured, damage: str, told: str) -> None:
    journal = Journal(str(sites.near.root / ".pypimirror"))
    journal.open()
    journal._db.execute(damage)
    journal.close()
    capsys.readouterr()
    sites.export("no", status=1)
    assert f"bundles.sqlite: {told}; if it is damaged, move it away" in one_line(capsys.readouterr().err)


def test_a_journal_does_not_depend_on_the_state(sites: Sites, upstream: Upstream) -> None:
    sites.sync()
    sites.carry("full")
    for path in (sites.near.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    sites.export("no", status=1)
    change(upstream)
    sites.sync()
    sites.carry("delta")
    assert "some-one/some_one-1.0-py3-none-any.whl" not in sites.paths("delta")


def test_a_damaged_file_is_named_by_the_receipt_and_carried_again(
        sites: Sites, upstream: Upstream) -> None:
    sites.sync()
    sites.carry("full")
    receipt = sites.bundle("full") / "receipt.json"
    lost = "two/two-1.0.tar.gz"
    receipt.write_text(json.dumps({**json.loads(receipt.read_text()), "lacking": [lost, "two/two-1.0.tar.gz.nothing"]}))
    (sites.far.root / lost).write_bytes(b"damaged")
    sites.export("delta", "--against", str(receipt))
    assert sites.paths("delta") == [lost]
    sites.load("delta")
    sites.equal()


def test_a_failure_of_one_project_is_reported_and_the_import_is_finished_later(
        sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.sync()
    sites.export("full")
    sites.far.root.mkdir()
    assert sites.far.run("import", str(sites.bundle("nothing"))) == 2
    (sites.far.root / ".pypimirror").mkdir(mode=0o700)
    (sites.far.root / "two").write_text("in the way")
    capsys.readouterr()
    sites.load("full", status=1)
    assert "two" in capsys.readouterr().err
    assert not (sites.bundle("full") / "receipt.json").exists()
    assert sites.far.files("three")
    (sites.far.root / "two").unlink()
    sites.load("full")
    sites.equal()


def test_a_bundle_on_a_medium_that_cant_be_written(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.sync()
    folder = sites.export("full")
    (folder / "receipt.json").mkdir()  # as root, permissions hold nobody back
    sites.load("full")
    assert (sites.far.root / ".pypimirror/receipt.json").is_file()
    assert "receipt: " in capsys.readouterr().out


def test_a_far_side_is_the_near_side_of_another_one(sites: Sites, upstream: Upstream, tmp_path: Path) -> None:
    sites.sync()
    sites.carry("full")
    (tmp_path / "third").mkdir()
    third = Sites(tmp_path / "third", upstream)
    third.near = sites.far
    third.carry("one")
    change(upstream)
    sites.sync()
    sites.carry("delta")
    third.carry("two")
    assert third.far.tree() == sites.near.tree()


def test_status_report_and_trash_work_on_the_far_side(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    sites.far.settings["report_filename"] = sites.folder / "report.json"
    sites.sync()
    sites.carry("full")
    change(upstream)
    sites.sync()
    sites.carry("delta")
    capsys.readouterr()
    report = json.loads((sites.folder / "report.json").read_text())
    assert (report["kind"], report["status"]) == ("import", 0)
    assert [(file["filename"], file["how"]) for file in report["stored"]] == [("some_one-2.0-py3-none-any.whl", "imported")]
    assert {file["project"] for file in report["removed"]} == {"two", "three"}
    schema = json.loads((wheelhouse.CHECKOUT / "docs" / "report.schema.json").read_text())
    assert list(violations(report, schema)) == []
    assert sites.far.run("status", "--json", "--max-age", "1") == 0
    assert json.loads(capsys.readouterr().out)["projects"] == 2
    assert sites.far.run("trash", "list") == 0
    assert "three-1.0.tar.gz" in capsys.readouterr().out
    assert sites.far.run("sync") == 2


def test_a_snapshot_at_a_mark_is_the_same_on_both_sides(sites: Sites, upstream: Upstream) -> None:
    sites.sync()
    sites.carry("full")
    for site in (sites.near, sites.far):
        assert site.run("snapshot", "create", "tested") == 0
    near, far = ({path: body for path, body in site.tree().items() if path.startswith("snapshots/tested/simple/")}
                 for site in (sites.near, sites.far))
    assert near == far and len(near) > 10
    change(upstream)
    sites.sync()
    sites.export("delta")
    sites.load("delta")
    assert not sites.far.untrue()
    assert {path: body for path, body in sites.far.tree().items() if path.startswith("snapshots/tested/simple/")} == near
    assert not (sites.far.root / "three").exists()


# --- a plain tree


def test_a_plain_tree_is_the_mirror_and_later_its_changes(sites: Sites, upstream: Upstream, tmp_path: Path) -> None:
    sites.sync()
    plain = tmp_path / "plain"
    first = sites.export("first", "--full", "--tree")
    assert not list(first.glob("part-*"))
    shutil.copytree(first / "tree", plain)
    assert (first / "removed.txt").read_text() == ""
    assert contents(plain) == sites.near.tree()
    linked = first / "tree" / "two" / "two-1.0.tar.gz"
    assert linked.stat().st_ino == (sites.near.root / "two" / "two-1.0.tar.gz").stat().st_ino
    change(upstream)
    sites.sync()
    second = sites.export("second", "--tree")
    assert "two/two-1.0-py3-none-any.whl" not in contents(second / "tree")
    shutil.copytree(second / "tree", plain, dirs_exist_ok=True)
    for path in (second / "removed.txt").read_text().splitlines():
        (plain / path).unlink()
    assert contents(plain) == sites.near.tree()
    sites.export("second", "--tree")  # once more: nothing to do


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- object stores


@pytest.mark.parametrize("side", ["near", "far"] if os.environ.get("PYPIMIRROR_STORAGES") == "all" else ["far"])
@pytest.mark.heavy
def test_a_mirror_in_an_object_store(
        sites: Sites, upstream: Upstream, store: Store, monkeypatch: pytest.MonkeyPatch, side: str, tmp_path: Path) -> None:
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    old = getattr(sites, side)
    bucket = MirroredInBucket(tmp_path / "bucket" / "mirror", upstream.url, store)
    os.makedirs(tmp_path / "bucket", exist_ok=True)
    if side == "far":
        bucket.settings = {key: value for key, value in bucket.settings.items() if key in ("mirror_file_path", "state_path")}
    bucket.settings |= {"index_formats": "html json", "state_path": tmp_path / "state"}
    (sites.far if side == "near" else sites.near).settings |= {"index_formats": "html json"}
    setattr(sites, side, bucket)
    assert old is not bucket
    sites.sync()
    sites.carry("full")
    change(upstream)
    sites.sync()
    sites.carry("delta")
    assert sites.far.run("verify") == 0
