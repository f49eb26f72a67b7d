"""Bundles with faults that are drawn: lost, doubled, reordered, truncated, exchanged and changed parts and lines.

Each is refused with one line and changes nothing, or is imported whole. ``PYPIMIRROR_FAULTS=400`` in the environment asks for
more than a sample.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.sites import Sites, one_line
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]
FAULTS = int(os.environ.get("PYPIMIRROR_FAULTS", "12"))
BUNDLES = ("full", "delta")
Fault = Callable[[Path, Path, random.Random], None]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    """Two sites with two bundles, each of several parts."""
    with Upstream() as upstream:
        made = Sites(tmp_path_factory.mktemp("sites"), upstream)
        body = "".join(f"# {random.random()}\n" for _ in range(4000))
        for number in range(6):
            upstream.add(f"some.project{number}", wheel(f"some.project{number}", "1.0", body=body), sdist("p", "1.0"))
        made.sync()
        made.export("full", "--split", "64K")
        for number in range(3, 8):
            upstream.add(f"some.project{number}", wheel(f"some.project{number}", "2.0", body=body))
        upstream.remove("some.project0")
        made.sync()
        made.export("delta", "--split", "64K")
    return made


def parts(bundle: Path) -> list[Path]:
    return sorted(bundle.glob("part-*.tar"))


def lose(bundle: Path, other: Path, chance: random.Random) -> None:
    chance.choice([*bundle.iterdir()]).unlink()


def truncate(bundle: Path, other: Path, chance: random.Random) -> None:
    path = chance.choice([*bundle.iterdir()])
    os.truncate(path, chance.choice((0, 1, 511, 512, path.stat().st_size // 2, path.stat().st_size - 1)))


def extend(bundle: Path, other: Path, chance: random.Random) -> None:
    with chance.choice([*bundle.iterdir()]).open("ab") as stream:
        stream.write(chance.choice((b"\0", b"\n", b'["end",0,0,0,0,0]\n', bytes(10240))))


def exchange(bundle: Path, other: Path, chance: random.Random) -> None:
    one, two = chance.sample(parts(bundle), 2)
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def double(bundle: Path, other: Path, chance: random.Random) -> None:
    one, two = chance.sample(parts(bundle), 2)
    shutil.copy(one, two)


def take_other(bundle: Path, other: Path, chance: random.Random) -> None:
    path = chance.choice([*bundle.iterdir()])
    if (other / path.name).exists():
        shutil.copy(other / path.name, path)
    else:
        path.unlink()


def flip(bundle: Path, other: Path, chance: random.Random) -> None:
    path = chance.choice(parts(bundle))  # without a signature, the manifest is what it is
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def reorder(bundle: Path, other: Path, chance: random.Random) -> None:
    path = bundle / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    one, two = sorted(chance.sample(range(len(lines)), 2))
    chance.choice((lambda: lines.insert(one, lines[two]), lambda: lines.pop(one),
                   lambda: lines.insert(one, lines.pop(two))))()
    path.write_bytes(b"".join(lines))


def replace(bundle: Path, other: Path, chance: random.Random) -> None:
    """Put something into the place of a file that is none, or lead elsewhere."""
    path = chance.choice([*bundle.iterdir()])
    path.unlink()
    chance.choice((path.mkdir, lambda: path.symlink_to("/dev/zero"), lambda: path.symlink_to(path.name),
                   lambda: path.symlink_to(parts(other)[0]), lambda: os.mkfifo(path)))()


def rename(bundle: Path, other: Path, chance: random.Random) -> None:
    path = chance.choice([*bundle.iterdir()])
    path.rename(path.with_name(path.name.upper()))


WAYS: tuple[Fault, ...] = (lose, truncate, extend, exchange, double, take_other, flip, reorder, replace, rename)


@pytest.mark.parametrize("seed", range(FAULTS))
def test_a_bundle_with_a_fault_is_refused_or_imported_whole(
        sites: Sites, tmp_path: Path, capsys: Captured, seed: int) -> None:
    name, fault, chance = BUNDLES[seed % 2], WAYS[seed // 2 % len(WAYS)], random.Random(seed)
    site = Mirrored(tmp_path / "mirror", "")
    site.settings = {"mirror_file_path": site.root, "min_free": 0}
    if name == "delta":
        assert site.run("import", str(sites.bundle("full"))) == 0
    bundle = tmp_path / "bundle"
    shutil.copytree(sites.bundle(name), bundle, ignore=shutil.ignore_patterns("receipt.json"))
    fault(bundle, sites.bundle(BUNDLES[(seed + 1) % 2]), chance)
    before = site.tree() if site.root.exists() else {}
    capsys.readouterr()
    status = site.run("import", str(bundle), "--allow-deletions")
    error = capsys.readouterr().err
    if status:
        one_line(error)
        assert status in (1, 2)
        assert (site.tree() if site.root.exists() else {}) == before
    assert site.untrue() == []
    for good in BUNDLES[BUNDLES.index(name):]:
        assert site.run("import", str(sites.bundle(good)), "--allow-deletions") == 0
    assert site.tree() == sites.near.tree()
    assert not (site.root / ".pypimirror/incoming").exists()
