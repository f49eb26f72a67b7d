#!/usr/bin/env python3
"""A bundle of changes against rsync of the same two trees: time, bytes and memory.

    python benchmarks/bundles.py DIRECTORY [--projects 10000] [--changed 100] [--rounds 3]

Makes a directory of distributions, two files of some 20 kB for each project, mirrors it, and brings a far side and a copy
to the same state: the far side by a full bundle, the copy by rsync. In each round some projects get a release, the mirror is
synced, and then these are measured:

  export       the changes since the last mark into a bundle
  import       the bundle on the far side, which verifies what arrived
  rsync        one call of rsync --archive --delete from the mirror to the copy, which is not consistent meanwhile
  rsync-sum    the same with --checksum, which compares contents as import does
  copy-mirror  the script of docs/moving.rst, which is consistent

All trees are compared after each round. Bytes are those of the bundle, and those that rsync sends.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import measure
from synthetic import build_sdist, build_wheel

_DOCS = Path(__file__).parents[1] / "docs"
_SENT = re.compile(r"Total bytes sent: ([\d,]+)")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    bench = Bench(arguments.directory.resolve(), arguments.projects)
    bench.prepare()
    for number in range(1, arguments.rounds + 1):
        bench.round(number, arguments.changed)
    print(bench.table())


class Bench:
    """The directories of one benchmark."""

    def __init__(self, folder: Path, projects: int):
        self._folder = folder
        self._names = [f"bench-{number:05}" for number in range(projects)]
        self._chance = random.Random("bundles")
        self._upstream, self._near, self._far, self._copy = (folder / name for name in ("upstream", "near", "far", "copy"))
        self._results: dict[str, list[dict[str, float]]] = {}

    def prepare(self) -> None:
        """Make the trees, and bring both copies to the state of the mirror."""
        self._folder.mkdir(parents=True)
        self._upstream.mkdir()
        for name in self._names:
            self._release(name, "1.0")
        (self._folder / "near.cfg").write_text(
            f"[pypimirror]\nmirror_file_path = {self._near}\nindex_url = {self._upstream}\npackage_matches = *\n"
            "confirm_above = never\nmin_free = 0\n")
        (self._folder / "far.cfg").write_text(f"[pypimirror]\nmirror_file_path = {self._far}\nmin_free = 0\n")
        script = (_DOCS / "moving.rst").read_text(encoding="utf-8").partition(".. code-block:: sh\n\n")[2]
        lines = []
        for line in script.splitlines():
            if line and not line.startswith("    "):
                break
            lines.append(line[4:])
        (self._folder / "copy-mirror").write_text("\n".join(lines) + "\n")
        self._measured("first sync", self._command("near", "sync", "-q"))
        self._measured("full export", self._command("near", "export", "-q", str(self._folder / "full"), "--full"))
        self._size("full export", self._folder / "full")
        self._measured("full import", self._command("far", "import", "-q", str(self._folder / "full")))
        self._measured("first rsync", self._rsync(self._copy))
        for copy in ("sum", "script"):
            shutil.copytree(self._copy, self._folder / copy, copy_function=shutil.copy2)
        shutil.rmtree(self._folder / "full")

    def round(self, number: int, changed: int) -> None:
        """Change some projects, and measure each way."""
        for name in self._chance.sample(self._names, changed):
            self._release(name, f"2.{number}")
        self._measured("sync", self._command("near", "sync", "-q", "-U"))
        bundle = self._folder / f"bundle-{number}"
        ways = {
            "export": self._command("near", "export", "-q", str(bundle)),
            "import": self._command("far", "import", "-q", str(bundle)),
            "rsync": self._rsync(self._copy),
            "rsync-sum": self._rsync(self._folder / "sum", "--checksum"),
            "copy-mirror": ["sh", str(self._folder / "copy-mirror"), str(self._near), str(self._folder / "script")],
        }
        for way, command in ways.items():
            self._measured(way, command)
        self._size("export", bundle)
        for copy in (self._far, self._copy, self._folder / "sum", self._folder / "script"):
            subprocess.run(["diff", "--recursive", "--brief", "--exclude=.pypimirror", str(self._near), str(copy)], check=True)

    def _release(self, name: str, version: str) -> None:
        chance = random.Random(f"{name} {version}")
        for build in (build_wheel, build_sdist):
            filename, content, *_ = build(name, version, ">=3.8", chance.randbytes(20_000), chance)
            (self._upstream / filename).write_bytes(content)

    def _command(self, side: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pypimirror", str(self._folder / f"{side}.cfg"), *arguments]

    def _rsync(self, copy: Path, *options: str) -> list[str]:
        return ["rsync", "--archive", "--delete", "--stats", "--modify-window=-1", "--exclude=/.pypimirror", *options,
                f"{self._near}/", f"{copy}/"]

    def _measured(self, way: str, command: list[str]) -> None:
        log = self._folder / "log"
        log.write_text("")
        found = measure.run(command, log=str(log))
        text = log.read_text(errors="replace")
        if found["rc"]:
            sys.exit(f"{' '.join(command)}: ended with {found['rc']}: {text[-2000:]}")
        if (sent := _SENT.search(text)) is not None:
            found["bytes"] = int(sent[1].replace(",", ""))
        self._results.setdefault(way, []).append(found)

    def _size(self, way: str, bundle: Path) -> None:
        self._results[way][-1]["bytes"] = sum(path.stat().st_size for path in bundle.iterdir())

    def table(self) -> str:
        """Return the medians of all rounds."""
        lines = [f"{len(self._names)} projects; load {os.getloadavg()[0]:.0f}; medians of all rounds",
                 f"{'':12} {'wall s':>8} {'cpu s':>8} {'memory MB':>10} {'MB carried':>11}"]
        for way, found in self._results.items():
            median = {key: statistics.median(one[key] for one in found) for key in ("wall", "cpu", "pss_mb")}
            sizes = [one["bytes"] for one in found if "bytes" in one]
            carried = f"{statistics.median(sizes) / 1e6:11.2f}" if sizes else f"{'':11}"
            lines.append(f"{way:12} {median['wall']:8.2f} {median['cpu']:8.2f} {median['pss_mb']:10.0f} {carried}")
        return "\n".join(lines)


if __name__ == "__main__":
    main()
