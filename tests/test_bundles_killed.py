"""Exports and imports that are killed at random instants: no page is ever untrue, and the same command once more ends as if
nothing had happened.

A sample of kills; ``PYPIMIRROR_KILLS=400`` in the environment asks for more. ``docs/reliability.rst`` has the figures.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pypimirror.bundles.journal import Journal
from support.mirror import Mirrored
from support.run_scenarios import populate, removal, update
from support.sites import Sites
from support.upstream import Upstream

KILLS = int(os.environ.get("PYPIMIRROR_KILLS", "12"))
KINDS = ("initial", "update", "removal")


class Stage(NamedTuple):
    """One bundle: the sites before it was exported and imported, the bundle, and the tree that both have after it."""

    near: Path
    far: Path | None
    bundle: Path
    tree: dict[str, bytes]
    #: Seconds that the export and the import take from their first trace on disk to the end.
    durations: dict[str, float]


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
            durations = {}
            for verb, site in (("export", sites.near), ("import", sites.far)):
                process = started(site, verb, sites.bundle(name))
                begun = wait_for_trace(process, site, verb, sites.bundle(name))
                assert process.wait() == 0
                durations[verb] = time.monotonic() - begun
            sites.equal()
            found[name] = Stage(near, far if far.exists() else None, sites.bundle(name), sites.near.tree(), durations)
    return found


def started(site: Mirrored, verb: str, bundle: Path) -> subprocess.Popen[bytes]:
    options = ["--split", "64K"] if verb == "export" else ["--allow-deletions"]
    return subprocess.Popen([sys.executable, "-m", "pypimirror", site.write(), verb, str(bundle), *options],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_trace(process: subprocess.Popen[bytes], site: Mirrored, verb: str, bundle: Path) -> float:
    """Wait until the process has begun to write; return when."""
    traces = [bundle] if verb == "export" else [site.root / ".pypimirror/bundle.jsonl"]
    before = {path: path.stat().st_mtime_ns for path in traces if path.exists()}
    while process.poll() is None and all(not path.exists() or path.stat().st_mtime_ns == before.get(path) for path in traces):
        time.sleep(0.001)
    return time.monotonic()


def killed(site: Mirrored, verb: str, bundle: Path, stage: Stage, chance: random.Random) -> bool:
    """Run and kill at an instant that is drawn; say whether it was still running."""
    process = started(site, verb, bundle)
    begun = wait_for_trace(process, site, verb, bundle)
    time.sleep(max(0, begun + chance.random() * stage.durations[verb] - time.monotonic()))
    process.kill()
    return process.wait() == -signal.SIGKILL


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
