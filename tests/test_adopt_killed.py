"""An adoption that is killed: nothing is lost, and the next one ends where the first would have.

A sample of kills; ``PYPIMIRROR_KILLS=60`` in the environment asks for more.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support import old_mirrors
from support.mirror import Mirrored
from support.upstream import Upstream, sdist

#: Two in each of six tests.
KILLS = int(os.environ.get("PYPIMIRROR_KILLS", "12"))
HOLDS = {f"Some.Project{n}": [sdist(f"Some.Project{n}", f"{v}.0", f"Some.Project{n}") for v in range(4)] for n in range(80)}
PLACES = {f"{project.lower().replace('.', '-')}/{name}": body for project, files in HOLDS.items() for name, body in files}


def count(root: Path, pattern: str) -> int:
    return sum(1 for _ in root.glob(pattern))


#: What there must be in the mirror before the process is killed, with a number that is drawn.
POINTS: dict[str, Callable[[Path, int], bool]] = {
    "files placed": lambda root, n: count(root, "some-*/*.tar.gz") >= 3 * n,
    "pages written": lambda root, n: count(root, "some-*/index.v1_json") >= n,
    "root written": lambda root, n: (root / "index.v1_json").exists(),
    "old folders cleared": lambda root, n: (root / "index.v1_json").exists() and count(root, "Some.*/*.tar.gz") <= 320 - 4 * n,
}


@pytest.mark.parametrize("seed", range(KILLS // 12))
@pytest.mark.parametrize(("place", "point"), [("elsewhere", "files placed"), ("elsewhere", "pages written"),
                                              *(("in place", point) for point in POINTS)])
@pytest.mark.heavy
def test_a_killed_adoption_loses_nothing_and_goes_on(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, seed: int, place: str, point: str) -> None:
    chance = random.Random(f"{seed} {place} {point}")
    old = mirrored.root if place == "in place" else tmp_path / "old"
    old_mirrors.folders(old, HOLDS)
    old_mirrors.offer(upstream, HOLDS, "Some.Project7", "Some.Project8-1.0.tar.gz")
    for _ in range(2):
        killed = _killed(mirrored, old, POINTS[point], chance.randrange(1, 60))
        bodies = {path.read_bytes() for root in {old, mirrored.root} for path in root.rglob("*.tar.gz")}
        assert bodies >= set(PLACES.values())
        assert not mirrored.untrue()
        if killed and place == "in place" and (old / ".pypimirror/adopting").exists():
            assert mirrored.run("sync") == 2
    assert mirrored.run("adopt", str(old)) == 0
    assert {path: body for path, body in mirrored.tree().items() if path.endswith(".tar.gz")} == PLACES
    assert not mirrored.untrue()
    assert len(mirrored.page("some-project7")["files"]) == 4
    assert not list((mirrored.root / ".pypimirror/tmp").iterdir())
    if place == "in place":
        assert not list(old.rglob("*.md5")) and {path.name for path in old.glob("Some.*/*")} == {"index.html"}
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert [path for path in upstream.asked() if path.startswith("/files/")] == []
    assert {path for path in mirrored.tree() if path.endswith(".tar.gz")} == PLACES.keys()


def _killed(mirrored: Mirrored, old: Path, reached: Callable[[Path, int], bool], number: int) -> bool:
    """Run an adoption and kill it when the point is reached; say whether it was still running then."""
    with subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "adopt", str(old)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not reached(mirrored.root, number):
            time.sleep(0.001)
        process.kill()
    return process.returncode == -signal.SIGKILL
