"""Snapshots in an object store: copies of the store for the files, pages that lead to them for promoted names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypimirror.storage.s3 import S3Storage
from support import interruptions, published_tree
from support.mirror import Mirrored
from support.object_store import MirroredInBucket, Store
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def filled(store: Store, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MirroredInBucket:
    """A mirror in a bucket with two projects, one of which has a name that differs from its normalised form."""
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    upstream.add("Demo.Lib", wheel("Demo.Lib", "1.0+local"), sdist("Demo.Lib", "1.0"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("other", wheel("other", "1.0"), upload_time="2024-01-01T00:00:00Z")
    made = MirroredInBucket(tmp_path / "mirror", upstream.url, store)
    made.settings["trash_days"] = 0
    assert made.run("sync") == 0
    return made


FIRST = {"Demo.Lib": {"demo_lib-1.0+local-py3-none-any.whl", "demo_lib-1.0.tar.gz"}, "other": {"other-1.0-py3-none-any.whl"}}
CHANGED = FIRST | {"other": {"other-1.0-py3-none-any.whl", "other-2.0-py3-none-any.whl"}}


def whole(mirrored: MirroredInBucket, name: str) -> dict[str, set[str]]:
    """Return the files by project that a snapshot's pages list; all of them are there, whole."""
    mirrored.pull()
    view = Mirrored(mirrored.root / "snapshots" / name / "simple", "")
    assert view.untrue() == []
    return {project["name"]: {file["filename"] for file in view.page(published_tree.normalize(project["name"]))["files"]}
            for project in json.loads((view.root / "index.v1_json").read_bytes())["projects"]}


def listed(mirrored: MirroredInBucket, capsys: Captured) -> list[tuple[str, str]]:
    capsys.readouterr()
    assert mirrored.run("snapshot", "list", "--json") == 0
    return [(one["name"], one["promoted"]) for one in json.loads(capsys.readouterr().out)]


def below(mirrored: MirroredInBucket, folder: str) -> dict[str, bytes]:
    mirrored.pull()
    return {path: body for path, body in mirrored.tree().items() if path.startswith(f"{folder}/")}


def change(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("other", wheel("other", "2.0"), ("other-1.0-py3-none-any.whl", wheel("other", "1.0", body="x = 1\n")[1]),
                 upload_time="2025-01-01T00:00:00Z")
    assert mirrored.run("sync") == 0


@pytest.mark.heavy
def test_it_stays_and_is_promoted_and_back(filled: MirroredInBucket, upstream: Upstream, capsys: Captured) -> None:
    assert filled.run("snapshot", "create", "one") == 0
    assert filled.run("snapshot", "create", "old", "--at", "2022-01-01") == 0
    assert whole(filled, "old") == {"Demo.Lib": FIRST["Demo.Lib"]}
    before = below(filled, "snapshots/one")
    change(filled, upstream)
    assert filled.run("snapshot", "create", "two") == 0
    upstream.remove("Demo.Lib")
    assert filled.run("sync", "--allow-deletions") == 0
    assert filled.run("trash", "empty") == 0
    assert below(filled, "snapshots/one") == before
    assert (whole(filled, "one"), whole(filled, "two")) == (FIRST, CHANGED)
    assert filled.run("snapshot", "diff", "one", "two") == 1
    assert capsys.readouterr().out.endswith("+ other/other-2.0-py3-none-any.whl\n~ other/other-1.0-py3-none-any.whl\n")
    for name, files in (("one", FIRST), ("old", {"Demo.Lib": FIRST["Demo.Lib"]}), ("two", CHANGED), ("one", FIRST)):
        assert filled.run("snapshot", "promote", name) == 0
        assert whole(filled, "production") == files
        assert {path.rpartition(".")[2] for path in below(filled, "snapshots/production")} == {"html", "v1_json", "json"}
    # A promoted name may be promoted in its turn: it shows the same snapshot.
    assert filled.run("snapshot", "promote", "production", "--as", "staging") == 0
    assert filled.run("snapshot", "promote", "two") == 0
    assert (whole(filled, "staging"), whole(filled, "production")) == (FIRST, CHANGED)
    assert listed(filled, capsys) == [("old", ""), ("one", ""), ("production", "two"), ("staging", "one"), ("two", "")]
    assert filled.run("snapshot", "delete", "one") == 2
    assert "'one' is promoted to staging; promote another snapshot to that name" in capsys.readouterr().err
    assert filled.run("snapshot", "promote", "two", "--as", "one") == 2
    assert filled.run("verify") == 0
    for name in ("staging", "one", "production", "two", "old"):
        assert filled.run("snapshot", "delete", name) == 0
    assert below(filled, "snapshots") == {}
    assert filled.run("verify") == 0
    assert filled.unlike() == []


@pytest.mark.heavy
def test_its_faults_are_found_and_repaired(filled: MirroredInBucket, capsys: Captured) -> None:
    assert filled.run("snapshot", "create", "one") == 0
    assert filled.run("snapshot", "promote", "one") == 0
    index = filled.root / "snapshots/one/simple"
    (index / "other/other-1.0-py3-none-any.whl").unlink()
    (index / "demo-lib/demo_lib-1.0.tar.gz").write_bytes(b"other content")
    capsys.readouterr()
    assert filled.run("verify") == 1
    out = capsys.readouterr().out
    assert "snapshots/one/simple/other/other-1.0-py3-none-any.whl: missing" in out
    assert "snapshots/one/simple/demo-lib/demo_lib-1.0.tar.gz: damaged" in out
    assert filled.run("verify", "--repair") == 0
    assert whole(filled, "one") == whole(filled, "production") == FIRST


def test_a_file_that_is_missing_stops_it(filled: MirroredInBucket, capsys: Captured) -> None:
    (filled.root / "other" / "other-1.0-py3-none-any.whl").unlink()
    assert filled.run("snapshot", "create", "one") == 1
    assert "other/other-1.0-py3-none-any.whl: can't be copied; run verify --repair first" in capsys.readouterr().err
    assert listed(filled, capsys) == []
    assert filled.run("verify", "--repair") == 0
    assert filled.run("snapshot", "create", "two") == 0
    assert {path.split("/")[1] for path in below(filled, "snapshots")} == {"two"}


#: Every change of objects.
CHANGES: dict[type, tuple[str, ...]] = {S3Storage: ("duplicate", "write", "remove")}


@pytest.fixture
def several(filled: MirroredInBucket, upstream: Upstream) -> Iterator[MirroredInBucket]:
    filled.settings["workers"] = 1
    assert filled.run("snapshot", "create", "one") == 0
    change(filled, upstream)
    assert filled.run("snapshot", "create", "two") == 0
    assert filled.run("snapshot", "promote", "two") == 0
    yield filled


@pytest.mark.parametrize("words", [("create", "new"), ("promote", "one"), ("delete", "one")], ids=" ".join)
@pytest.mark.heavy
def test_a_kill_leaves_every_page_true_and_the_command_once_more_ends_well(
        several: MirroredInBucket, capsys: Captured, words: tuple[str, str]) -> None:
    tried: list[Any] = []
    for number in range(1, 100, 1 if os.environ.get("PYPIMIRROR_STORAGES") == "all" else 15):
        status = interruptions.killed(lambda: Mirrored.run(several, "snapshot", *words), number, False, CHANGES)
        tried.append(status)
        names = {name for name, _ in listed(several, capsys)}
        assert {"two", "production"} <= names <= {"one", "two", "new", "production"}
        for name in names:
            files = whole(several, name)
            assert files in (FIRST, CHANGED) or name == "production"
        if status == 0 or (words[0] == "delete" and "one" not in names):
            break
        assert status == interruptions.KILLED
    assert len(tried) > 1
    if words[0] == "promote":
        assert whole(several, "production") == FIRST
    several.pull()
    assert (several.root / "snapshots/new").exists() == (words[0] == "create")
    assert several.run("snapshot", "create", "last") == 0
    present = {path.split("/")[1] for path in below(several, "snapshots")}
    assert present == {name for name, _ in listed(several, capsys)}
    assert several.run("verify") == 0


@pytest.mark.heavy
def test_an_interrupted_promotion_keeps_the_snapshots_that_its_pages_lead_to(
        several: MirroredInBucket, capsys: Captured) -> None:
    """Some pages are the new ones, and the description still names the old snapshot: neither may be deleted."""
    status = interruptions.killed(lambda: Mirrored.run(several, "snapshot", "promote", "one"), 5, False, CHANGES)
    assert status == interruptions.KILLED
    for name in ("one", "two"):
        assert several.run("snapshot", "delete", name) == 2
    assert several.run("snapshot", "delete", "production") == 0
    assert several.run("snapshot", "delete", "one") == 0
    assert whole(several, "two") == CHANGED
