"""A disk that is full, for real: the run stops cleanly, what is published stays true, and the next run goes on.

tmpfs of many sizes, so that it is full at another moment each time: while files, pages or the state are written. A sample of
sizes; ``PYPIMIRROR_FULL_DISKS=all`` in the environment asks for more.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.mirror import Mirrored
from support.small_disks import Small, small
from support.upstream import Upstream, sdist, wheel

NAMES = [f"Some.Project{number:02}" for number in range(12)]
#: Bytes: a disk on which all of it has room.
ROOM = 16 << 20


def sample(*sizes: int) -> tuple[int, ...]:
    """Give all of them if that is asked for, else some."""
    return sizes if os.environ.get("PYPIMIRROR_FULL_DISKS") == "all" else sizes[::3]


def incompressible(number: int) -> str:
    chance = random.Random(number)
    return "".join(f"# {chance.random()} {chance.random()}\n" for _ in range(1500))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as started:
        for number, name in enumerate(NAMES):
            started.add(name, wheel(name, "1.0", body=incompressible(number)), sdist(name, "1.0"))
        yield started


def chunked(body: bytes) -> Callable[[Any], None]:
    """Give an answer of unknown length."""
    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for begin in range(0, len(body), 50_000):
            block = body[begin:begin + 50_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        handler.wfile.write(b"0\r\n\r\n")
    return answer


def on(disk: Small, upstream: Upstream, tmp_path: Path) -> Mirrored:
    mirrored = Mirrored(disk.place / "mirror", upstream.url)
    mirrored.config = tmp_path / "pypimirror.cfg"
    mirrored.settings |= {"min_free": 0, "workers": 4}
    return mirrored


def goes_on(mirrored: Mirrored, upstream: Upstream) -> None:
    """Show that the next run does what is left, and nothing twice."""
    there = {f"/files/{path}" for path in mirrored.paths() if path.endswith((".whl", ".gz"))
             and (mirrored.root / path).read_bytes() == body_of(upstream, path)}
    upstream.asked()
    assert mirrored.command("-U").returncode == 0
    assert there.isdisjoint(upstream.asked())
    assert mirrored.untrue() == []
    assert len(json.loads(mirrored.read("index.v1_json"))["projects"]) == len(NAMES)
    assert list((mirrored.root / ".pypimirror/tmp").iterdir()) == []
    assert mirrored.command("verify").returncode == 0


def body_of(upstream: Upstream, path: str) -> bytes:
    project, _, filename = path.partition("/")
    return upstream.projects[project][filename].body


@pytest.mark.parametrize("kilobytes", sample(60, *range(110, 1100, 90)))
def test_a_first_run_that_fills_the_disk_stops_and_the_next_goes_on(
        upstream: Upstream, tmp_path: Path, kilobytes: int) -> None:
    with small(tmp_path / "disk", kilobytes << 10) as disk:
        mirrored = on(disk, upstream, tmp_path)
        mirrored.settings["report_filename"] = tmp_path / "report.json"
        done = mirrored.command("-U")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "No space left on device" in done.stderr or "disk is full" in done.stderr
        assert mirrored.untrue() == []
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["status"] == 1 and report["failed"]
        disk.grow(ROOM)
        goes_on(mirrored, upstream)


@pytest.mark.parametrize("kilobytes", sample(4, 12, 24, 40, 80, 160, 320))
@pytest.mark.heavy
def test_an_update_that_fills_the_disk_keeps_what_is_published(
        upstream: Upstream, tmp_path: Path, kilobytes: int) -> None:
    with small(tmp_path / "disk", ROOM) as disk:
        mirrored = on(disk, upstream, tmp_path)
        mirrored.settings["filename_matches"] = "*.tar.gz"
        assert mirrored.command("-U").returncode == 0
        mirrored.settings["filename_matches"] = None
        before = mirrored.paths()
        (disk.place / "others").write_bytes(bytes(shutil.disk_usage(disk.place).free - (kilobytes << 10)))
        done = mirrored.command("-U")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert mirrored.untrue() == []
        assert set(before) <= set(mirrored.paths())
        (disk.place / "others").unlink()
        goes_on(mirrored, upstream)


@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.parametrize("known", ["from the page", "from the answer", "in the end"])
@pytest.mark.heavy
def test_min_free_is_kept_free_by_however_many_workers(tmp_path: Path, engine: str, known: str) -> None:
    """known: when the size of a file is known."""
    with small(tmp_path / "disk", 4 << 20) as disk, Upstream() as large:
        for number in range(40):
            filename, body = f"large{number}-1.tar.gz", random.Random(number).randbytes(300_000)
            large.add(f"large{number}", (filename, body))
            if known == "in the end":
                large.answers[f"/files/large{number}/{filename}"] = chunked(body)
        large.json = known == "from the page"
        mirrored = on(disk, large, tmp_path)
        mirrored.settings |= {"min_free": "2M", "workers": 16, "create_indexes": False, "engine": engine}
        done = mirrored.command("-U")
        assert done.returncode == 1
        assert "min_free keeps 2M" in done.stderr
        there = [path for path in mirrored.paths() if path.endswith(".gz")]
        assert there
        # Not counted: what the run itself needs, its state and log.
        assert shutil.disk_usage(disk.place).free >= (2 << 20) - (300 << 10)
        if known != "in the end":  # else each of the workers reserves a MiB
            assert shutil.disk_usage(disk.place).free < (2 << 20) + 2 * 300_000
        disk.grow(64 << 20)
        assert mirrored.command("-U").returncode == 0
        assert len([path for path in mirrored.paths() if path.endswith(".gz")]) == 40
