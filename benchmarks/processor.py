#!/usr/bin/env python3
"""Processor time and calls of Python a project, for first fetches in one process: figures that other programs hardly disturb.

    .bench/venv-pm/bin/python benchmarks/processor.py [--projects 300 1000 3000] [--files 5] [-n 3] [--instructions]

Generates the trees in .bench, serves them, and runs each first fetch in a process of its own: ``n`` times for the least
processor time, and once more under cProfile, which counts the calls. With ``--instructions``, also under valgrind's callgrind,
which counts the instructions outside of the kernel; no load of the machine changes that figure, and it takes 50 times as long.
Growth shows as a figure a project that differs between the rows.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys

import upstream
from cases import USUAL
from places import ROOT, TARGETS, URL
from tree import Tree

_RUN = """
import cProfile, gc, json, pstats, resource, sys
import pypimirror.engine.local as local
from pypimirror import GARBAGE_THRESHOLDS, cli
gc.set_threshold(*GARBAGE_THRESHOLDS)  # as the command does
local.cores = lambda: 1
profile = cProfile.Profile() if sys.argv[2] == "calls" else None
if profile:
    profile.enable()
status = cli.main(sys.argv[1], ["sync", "-q"])
calls = 0
if profile:
    profile.disable()
    calls = pstats.Stats(profile).total_calls
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, calls]))
"""


def once(what):
    """Fetch into an empty mirror; return seconds of processor time, MB, the number of calls, and that of instructions."""
    target, configuration = TARGETS / "processor", ROOT / "processor.cfg"
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text(f"[DEFAULT]\nmirror_file_path = {target}\nindex_url = {URL}/simple/\npackage_matches = *\n"
                             "confirm_above = never\n")
    counter = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"] if what == "instructions" else []
    done = subprocess.run([*counter, sys.executable, "-c", _RUN, configuration, what],
                          check=True, capture_output=True, text=True)
    status, *figures = json.loads(done.stdout.splitlines()[-1])
    if status:
        sys.exit(f"status {status}: {done.stderr}")
    counted = re.search(r"Collected : (\d+)", done.stderr)
    return [*figures, int(counted[1]) if counted else 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", nargs="+", type=int, default=[300, 1000, 3000])
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--instructions", action="store_true")
    options = parser.parse_args()
    print("projects  seconds  ms a project  calls a project  MB  thousand instructions a project")
    for projects in options.projects:
        tree = Tree(ROOT / "trees" / f"processor-{projects}-{options.files}")
        if tree.state.get("base_url") != URL:
            tree.generate(projects, options.files, "bench", USUAL, URL)
        upstream.serve(tree)
        try:
            samples = [once("time") for _ in range(options.n)]
            calls = once("calls")[2]
            instructions = once("instructions")[3] if options.instructions else 0
        finally:
            upstream.stop()
        seconds, memory = min(sample[0] for sample in samples), min(sample[1] for sample in samples)
        each = 1000 * seconds / projects
        print(f"{projects:8}  {seconds:7.2f}  {each:12.2f}  {calls / projects:15.0f}  {memory:.0f}  "
                  f"{instructions / projects / 1000:.0f}", flush=True)
    shutil.rmtree(TARGETS, ignore_errors=True)


if __name__ == "__main__":
    main()
