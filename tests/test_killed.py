"""Runs that are killed at random instants: nothing untrue is ever published, and the next run ends where this one would have.

A sample of kills; ``PYPIMIRROR_KILLS=360`` in the environment asks for more. ``docs/reliability.rst`` has the figures.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.run_scenarios import Busy, Kind, gone_on, made, since_first_request, started, undisturbed

KILLS = int(os.environ.get("PYPIMIRROR_KILLS", "21"))


@pytest.fixture(scope="module")
def busy() -> Iterator[Busy]:
    with Busy() as started:
        yield started


@pytest.fixture(scope="module")
def kinds(busy: Busy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return undisturbed(busy, tmp_path_factory.mktemp)


def killed(mirrored: Mirrored, upstream: Busy, kind: Kind, chance: random.Random) -> bool:
    """Run and kill at an instant that is drawn, by what was asked for or by time; say whether it was still running."""
    upstream.asked()
    process = started(mirrored)
    first = since_first_request(process, upstream)
    if chance.random() < 0.5:
        number, pause = chance.randint(1, kind.requests), chance.random() * 0.03
        while len(upstream.requests) < number and process.poll() is None:
            time.sleep(0.001)
        time.sleep(pause)
    else:
        time.sleep(max(0, first + chance.random() * kind.duration - time.monotonic()))
    process.kill()
    ended = process.wait()
    upstream.quiet()
    return ended == -signal.SIGKILL


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """Counts the kills by what they hit; shown at the end (``pytest -s``)."""
    counted: Counter[str] = Counter()
    yield counted
    print("\n" + "\n".join(f"{count:4} {what}" for what, count in sorted(counted.items())))


@pytest.mark.parametrize(("name", "seed"), [(("initial", "update", "removal")[n % 3], n // 3) for n in range(KILLS)])
def test_a_killed_run_leaves_every_page_true_and_the_next_ends_where_it_would_have(
        kinds: dict[str, Kind], busy: Busy, tmp_path: Path, tally: Counter[str], name: str, seed: int) -> None:
    kind, chance = kinds[name], random.Random(f"{name} {seed}")
    busy.become(kind.world)
    mirrored = made(tmp_path, busy, kind.before)
    for _ in range(1 + (chance.random() < 0.3)):
        hit = killed(mirrored, busy, kind, chance)
        tally[f"{name}: {phase(mirrored, busy.asked(), kind) if hit else '5 over already'}"] += 1
        assert mirrored.untrue() == []
    gone_on(mirrored, busy, kind)


def phase(mirrored: Mirrored, asked: list[str], kind: Kind) -> str:
    """Say what a run that asked for this had come to when it was killed, by what lies there now."""

    def changed(pattern: str) -> bool:
        before = kind.before or Path("/nowhere")
        return any(not (old := before / path.relative_to(mirrored.root)).is_file() or old.read_bytes() != path.read_bytes()
                   for path in mirrored.root.glob(pattern))

    if changed("index.*"):
        return "4 sweeping, ending"
    if changed("*/index.*"):
        return "3 writing pages"
    return "2 fetching" if any(path.startswith("/files/") for path in asked) else "1 looking"
