"""Power cuts at random instants, for real: a file system is shut down with what it has in memory forgotten.

No page is empty or tells of a file that is not whole, then or when the next run is over. A sample of cuts;
``PYPIMIRROR_POWER_CUTS=60`` in the environment asks for more. ``docs/reliability.rst`` has the figures.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.run_scenarios import Busy, Kind, gone_on, made, since_first_request, started, undisturbed
from support.small_disks import Disk, disk

CUTS = int(os.environ.get("PYPIMIRROR_POWER_CUTS", "3"))


@pytest.fixture(scope="module")
def busy() -> Iterator[Busy]:
    with Busy() as started:
        yield started


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path, 48) as made:
        yield made


@pytest.fixture(scope="module")
def kinds(busy: Busy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    with disk(tmp_path_factory.mktemp("try"), 8):  # skips before anything takes time
        return undisturbed(busy, tmp_path_factory.mktemp)


@pytest.mark.parametrize(("name", "seed"), [(("initial", "update", "removal")[n % 3], n // 3) for n in range(CUTS)])
def test_a_power_cut_leaves_every_page_true_and_the_next_run_ends_where_this_would_have(
        device: Disk, kinds: dict[str, Kind], busy: Busy, name: str, seed: int) -> None:
    kind, chance = kinds[name], random.Random(f"{name} {seed}")
    busy.become(kind.world)
    mirrored = made(device.place, busy, kind.before)
    os.sync()
    busy.asked()
    with device.shared():
        process = started(mirrored)
        first = since_first_request(process, busy)
        time.sleep(max(0, first + chance.random() * kind.duration * 1.5 - time.monotonic()))
        device.cut_power()
        process.kill()
        process.wait()
    device.pull_out()
    device.plug_in()
    assert [path for path in mirrored.root.rglob("*") if path.name.startswith("index.") and not path.stat().st_size] == []
    assert mirrored.untrue() == []
    gone_on(mirrored, busy, kind, torn=True)
