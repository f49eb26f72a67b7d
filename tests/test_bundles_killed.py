"""Exports and imports that are killed at random instants: no page is ever untrue, and the same command once more ends as if
nothing had happened.

The same for power cuts, after which what was not on disk is lost, and for a disk that another program fills meanwhile.

A sample of kills; ``PYPIMIRROR_KILLS=400`` and ``PYPIMIRROR_POWER_CUTS=60`` in the environment ask for more.
``docs/reliability.rst`` has the figures.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from pypimirror.bundles.directory import BundleDirectory
from pypimirror.bundles.export_plan import ManifestWriter
from pypimirror.bundles.export_run import Export
from pypimirror.bundles.journal import Journal
from support import interruptions
from support.mirror import Mirrored
from support.resource_limits import limited
from support.run_scenarios import populate, removal, update
from support.sites import Sites
from support.small_disks import Disk, disk, small
from support.upstream import Upstream

KILLS = int(os.environ.get("PYPIMIRROR_KILLS", "12"))
CUTS = int(os.environ.get("PYPIMIRROR_POWER_CUTS", "3"))
#: Bytes of a file that is larger than the memory.
LARGE = 96 << 20
KINDS = ("initial", "update", "removal")
#: What changes files and databases, by verb.
CHANGES: dict[str, dict[type, tuple[str, ...]]] = {
    "export": {BundleDirectory: ("create", "clear", "complete"), Journal: ("save", "remove", "forget", "add_mark", "set_fact"),
               ManifestWriter: ("write", "end"), Export: ("_write_content", "_sign")},
    "import": interruptions.ON_DISK | interruptions.IN_STATE}


class Stage(NamedTuple):
    """One bundle: the sites before it was exported and imported, the bundle, and the tree that both have after it."""

    near: Path
    far: Path | None
    bundle: Path
    tree: dict[str, bytes]
    #: Seconds that the export and the import take, and the changes that they make.
    durations: dict[str, float]
    changes: dict[str, int]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """Make each bundle, undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    found = {}
    with Upstream() as upstream:
        sites = Sites(folder, upstream)
        for name, change in zip(KINDS, (populate, update, removal), strict=True):
            change(upstream)
            sites.sync()
            journal = Journal(str(sites.near.root / ".pypimirror"))
            journal.open()  # it draws the identifier of the mirror, which is part of all bundles
            journal.close()
            near, far = folder / f"near-{name}", folder / f"far-{name}"
            shutil.copytree(sites.near.root, near)
            if sites.far.root.exists():
                shutil.copytree(sites.far.root, far)
            durations, changes = {}, {}
            for verb, site in (("export", sites.near), ("import", sites.far)):
                begun = time.monotonic()
                with counted(verb) as count:
                    assert run(site, verb, sites.bundle(name)) == 0
                durations[verb], changes[verb] = time.monotonic() - begun, count[0]
            sites.equal()
            found[name] = Stage(near, far if far.exists() else None, sites.bundle(name), sites.near.tree(), durations, changes)
    return found


def run(site: Mirrored, verb: str, bundle: Path) -> int:
    return site.run(verb, str(bundle), *(["--split", "64K"] if verb == "export" else ["--allow-deletions"]))


@contextlib.contextmanager
def counted(verb: str) -> Iterator[list[int]]:
    """Count the changes on disk and in databases."""
    count = [0]

    def one(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            return real(*args, **kwargs)

        return call

    with contextlib.ExitStack() as stack:
        for owner, names in CHANGES[verb].items():
            for name in names:
                stack.enter_context(mock.patch.object(owner, name, one(getattr(owner, name))))
        yield count


def killed(site: Mirrored, verb: str, bundle: Path, stage: Stage, chance: random.Random) -> bool:
    """Run and kill at an instant or at a change that is drawn; say whether it was still running."""
    if chance.random() < 0.5:
        number, after = chance.randint(1, stage.changes[verb]), chance.random() < 0.5
        return interruptions.killed(lambda: run(site, verb, bundle), number, after, CHANGES[verb]) == interruptions.KILLED
    return interruptions.killed_after(lambda: run(site, verb, bundle),
                                      chance.random() * stage.durations[verb]) == interruptions.KILLED


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """Counts the kills by what they hit; shown at the end (``pytest -s``)."""
    counted: Counter[str] = Counter()
    yield counted
    print("\n" + "\n".join(f"{count:4} {what}" for what, count in sorted(counted.items())))


def leftovers(site: Mirrored) -> list[str]:
    own = site.root / ".pypimirror"
    return [str(path) for folder in ("tmp", "incoming") for path in (own / folder).rglob("*")]


@pytest.mark.parametrize(("name", "seed"), [(KINDS[n % 3], n // 3) for n in range(KILLS // 2)])
@pytest.mark.heavy
def test_a_killed_export_goes_on_and_ends_with_the_same_bytes(
        stages: dict[str, Stage], tmp_path: Path, tally: Counter[str], name: str, seed: int) -> None:
    stage, chance = stages[name], random.Random(f"export {name} {seed}")
    site = Mirrored(tmp_path / "mirror", "")
    shutil.copytree(stage.near, site.root)
    bundle = tmp_path / "bundle"
    for _ in range(1 + (chance.random() < 0.3)):
        hit = killed(site, "export", bundle, stage, chance)
        tally[f"export {name}: {export_phase(bundle) if hit else '5 over already'}"] += 1
    assert site.run("export", str(bundle), "--split", "64K") == 0
    assert site.tree() == stage.tree
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == {
        path.name: path.read_bytes() for path in stage.bundle.iterdir() if path.name != "receipt.json"}
    assert leftovers(site) == []


@pytest.mark.parametrize(("name", "seed"), [(KINDS[n % 3], n // 3) for n in range(KILLS // 2)])
def test_a_killed_import_leaves_every_page_true_and_goes_on(
        stages: dict[str, Stage], tmp_path: Path, tally: Counter[str], name: str, seed: int) -> None:
    stage, chance = stages[name], random.Random(f"import {name} {seed}")
    site = Mirrored(tmp_path / "mirror", "")
    site.settings = {"mirror_file_path": site.root, "min_free": 0}
    if stage.far is not None:
        shutil.copytree(stage.far, site.root)
    before = site.tree() if site.root.exists() else {}
    bundle = tmp_path / "bundle"
    shutil.copytree(stage.bundle, bundle, ignore=shutil.ignore_patterns("receipt.json"))
    for _ in range(1 + (chance.random() < 0.3)):
        hit = killed(site, "import", bundle, stage, chance)
        tally[f"import {name}: {import_phase(site, before) if hit else '6 over already'}"] += 1
        assert site.untrue() == []
    assert site.run("import", str(bundle), "--allow-deletions") == 0
    assert site.tree() == stage.tree
    assert site.untrue() == []
    assert leftovers(site) == []
    assert site.run("verify") == 0


# --- power cuts


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path, 64) as made:
        yield made


@pytest.mark.parametrize(("verb", "seed"), [(("import", "export")[n % 2], n // 2) for n in range(CUTS)])
def test_a_power_cut_loses_nothing_that_was_published_and_the_command_once_more_ends_well(
        device: Disk, stages: dict[str, Stage], verb: str, seed: int) -> None:
    name = KINDS[seed % 3]
    stage, chance = stages[name], random.Random(f"cut {verb} {seed}")
    site, bundle = placed(device.place, stage, verb)
    os.sync()
    with device.shared():
        status = interruptions.killed(lambda: run(site, verb, bundle), chance.randint(1, stage.changes[verb]),
                                      chance.random() < 0.5, CHANGES[verb], device.cut_power)
    assert status == interruptions.KILLED
    device.pull_out()
    device.plug_in()
    assert site.untrue() == []
    ends_well(site, verb, bundle, stage)


# --- no room


@pytest.mark.parametrize(("verb", "seed"), [(("import", "export")[n % 2], n // 2) for n in range(max(KILLS // 3, 2))])
def test_a_disk_that_fills_up_meanwhile_stops_it_with_one_line(
        tmp_path: Path, stages: dict[str, Stage], capsys: pytest.CaptureFixture[str], verb: str, seed: int) -> None:
    name = KINDS[seed % 3]
    stage, chance = stages[name], random.Random(f"full {verb} {seed}")
    with small(tmp_path / "disk", 64 << 20) as full:
        site, bundle = placed(full.place, stage, verb)
        filler = full.place / "others"

        def fill() -> None:
            filler.write_bytes(bytes(shutil.disk_usage(full.place).free - chance.choice((0, 4096, 40960))))

        capsys.readouterr()
        with interruptions.at_change(chance.randint(1, stage.changes[verb]), CHANGES[verb], fill, False):
            status = run(site, verb, bundle)
        if status:
            assert status == 1
            lines = capsys.readouterr().err.splitlines()
            assert lines and all(line.startswith("pypimirror: ") for line in lines)
            assert any(words in line for line in lines
                       for words in ("No space left on device", "disk is full", " bytes free")), lines
        assert site.untrue() == []
        filler.unlink()
        ends_well(site, verb, bundle, stage)


def placed(folder: Path, stage: Stage, verb: str) -> tuple[Mirrored, Path]:
    """Copy a site to a folder; return it with the bundle: that of the stage for an import, one to be written for an export."""
    site = Mirrored(folder / "mirror", "")
    site.settings = {"mirror_file_path": site.root, "min_free": 0} if verb == "import" else site.settings
    before = stage.far if verb == "import" else stage.near
    if before is not None:
        shutil.copytree(before, site.root)
    return site, stage.bundle if verb == "import" else folder / "bundle"


def ends_well(site: Mirrored, verb: str, bundle: Path, stage: Stage) -> None:
    """Show that the command once more has the result that it would have had."""
    assert run(site, verb, bundle) == 0
    assert site.tree() == stage.tree
    assert leftovers(site) == []
    if verb == "import":
        assert site.run("verify") == 0
    else:
        assert {path.name: path.read_bytes() for path in bundle.iterdir()} == {
            path.name: path.read_bytes() for path in stage.bundle.iterdir() if path.name != "receipt.json"}


# --- memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits private memory")
@pytest.mark.heavy
def test_a_file_larger_than_the_memory_is_exported_and_imported(tmp_path: Path, upstream: Upstream) -> None:
    upstream.add("large", ("large-1.0.tar.gz", os.urandom(LARGE)))
    sites = Sites(tmp_path, upstream)
    sites.sync()
    upstream.projects.clear()  # this process has the file, too
    for site, verb in ((sites.near, "export"), (sites.far, "import")):
        limited(partial(run, site, verb, sites.bundle("large")), LARGE // 3)
    sites.equal()


def export_phase(bundle: Path) -> str:
    """Say how far an export was by what it left."""
    names = {path.name for path in bundle.iterdir()} if bundle.exists() else set()
    if "manifest.jsonl" in names:
        return "4 ending"
    return "3 writing parts" if any(name.startswith("part-") for name in names) else "2 writing the manifest"


def import_phase(site: Mirrored, before: dict[str, bytes]) -> str:
    """Say how far an import was by what it left."""
    now = site.tree()
    if any(path in now and now[path] != before.get(path) for path in ("index.html", "full.html")):
        return "5 root written, removing, verifying"
    if now != before:
        return "4 publishing projects"
    return "3 checking parts" if leftovers(site) else "2 checking the manifest"
