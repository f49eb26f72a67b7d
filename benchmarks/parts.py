#!/usr/bin/env python3
"""Profiles a first fetch, one request at a time, and tells how much of the processor's time each part of the product takes.

parts.py TREE [-n ROUNDS] [KEY=VALUE ...]

TREE is one of upstream.py's, and served already. py-spy, which has to be on the path, looks at the stacks 100 times a second;
each time counts for the innermost frame that belongs to a part, so that what a library does counts for who called it, but for
those that talk HTTP. Seconds are those of the processor without py-spy.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import measure
from peers import Ours
from places import PORT
from tree import Tree

#: By what names files, from ``pypimirror/`` on, or of a library.
PARTS = {name: re.compile(pattern) for name, pattern in {
    "bodies hashed and checked": r"pypimirror/http/download",
    "metadata out of wheels": r"pypimirror/(metadata/|http/peek|sync/sidecars|upstream/core_metadata)|zipfile",
    "upstream, and HTTP": r"pypimirror/http/|http/|urllib3/|requests/|socket\.py|ssl\.py|email/",
    "files and folders": r"pypimirror/(storage/|sync/ground)",
    "records and the state": r"pypimirror/(state/|sync/(clock|failures|ledger))",
    "pages read": r"pypimirror/upstream/",
    "pages written": r"pypimirror/(index/|sync/roots)",
    "names and filters": r"pypimirror/(selection|filters/|names|distributions)",
    "the work shared out": r"pypimirror/engine/|threading\.py|concurrent/futures",
    "start": r"pypimirror/(cli\.|commands/|culprits|plugins|loading|zcml|components|registry|settings/|contracts)|importlib",
    "the rest of a project's work": r"pypimirror/",
}.items()}
_RATE = "100"


def part(stack):
    """Name the part that a stack belongs to. stack: from the outermost frame to the innermost one, between semicolons."""
    for frame in reversed(stack.split(";")):
        for name, pattern in PARTS.items():
            if pattern.search(frame):
                return name
    return "anything else"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree")
    parser.add_argument("keys", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("-n", type=int, default=1)
    options = parser.parse_args()
    if options.n < 1 or not all("=" in key for key in options.keys):
        parser.error("-n is at least 1, keys are KEY=VALUE")
    tree = Tree.there(options.tree)
    if None in measure.server_counters():
        sys.exit(f"no upstream answers on port {PORT}; upstream.py serve {options.tree} starts it")
    if shutil.which("py-spy") is None:
        sys.exit("py-spy is needed: pip install py-spy")
    ours = Ours("pm-" + ",".join(["workers=1", *options.keys]))
    ours.install()
    ours.on(tree)
    counted, seconds = Counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        for _ in range(options.n):
            ours.prepare()
            sample = ours.time(ours.sync())
            seconds += sample["cpu"] / options.n
            ours.prepare()
            profiled = measure.run(["py-spy", "record", "--rate", _RATE, "--format", "raw", "--output", str(stacks), "--",
                                    *map(str, ours.sync())], ours.log, cwd=ours.target)
            if sample["rc"] or profiled["rc"]:
                sys.exit(f"status {sample['rc'] or profiled['rc']}; see {ours.log}")
            for line in stacks.read_text(encoding="utf-8", errors="replace").splitlines():
                stack, _, count = line.rpartition(" ")
                counted[part(stack)] += int(count)
    shutil.rmtree(ours.target)
    print(f"{seconds:8.2f} s          all, {os.path.basename(options.tree)}, {ours.name}")
    for name, count in counted.most_common():
        share = count / counted.total()
        print(f"{share * seconds:8.2f} s  {share:6.1%}  {name}")


if __name__ == "__main__":
    main()
