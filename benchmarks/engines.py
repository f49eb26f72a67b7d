#!/usr/bin/env python3
"""A first sync with each engine, one after the other in every round.

engines.py TREE [-n ROUNDS] [--engines one threads processes dask] [--workers 2] [--threads 8] [--out FILE]

TREE is one of upstream.py's, and served already.  The product is the one that
this Python imports.

  one        threads, told that there is one core, so that they stay in one process
  threads    the default: threads, and a further process when it pays
  processes  a process for each core
  dask       a scheduler and --workers worker processes on loopback, started
             beforehand, each with --threads threads

Prints median wall seconds with the spread, how many times as fast as ``one``
in the same round, and checks every mirror against the tree, file by file.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
import verify_mirror
from places import TARGETS
from tree import Tree

ENGINES = {"one": {}, "threads": {}, "processes": {"engine": "processes"}, "dask": {"engine": "dask"}}
#: What Python runs.
PROGRAMS = {"one": ("-c", "from pypimirror import cli; from pypimirror.engine import threads; "
                           "threads.cores = lambda: 1; cli.main()")}


class Cluster:
    """A scheduler and workers on loopback."""

    def __init__(self, folder, workers, threads):
        self._processes = []
        self._folder = folder
        file = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--scheduler-file", file)
        while not (file.exists() and file.read_text()):
            if self._processes[0].poll() is not None:
                sys.exit(f"the scheduler of Dask ended; see {folder / 'dask.log'}")
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]
        for _ in range(workers):
            self._start("worker", self.address, "--no-nanny", "--nthreads", threads, "--local-directory", folder)
        from distributed import Client

        with Client(self.address) as client:
            client.wait_for_workers(workers, timeout=60)

    def _start(self, kind, *arguments):
        with open(self._folder / "dask.log", "ab") as log:
            self._processes.append(subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1", "--no-dashboard",
                 *map(str, arguments)], stdout=log, stderr=log))

    def close(self):
        for process in self._processes:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree")
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--engines", nargs="+", choices=tuple(ENGINES), default=list(ENGINES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--out", default=os.devnull, help="a line of JSON for each run is added to this file")
    options = parser.parse_args()
    tree = Path(options.tree).absolute()
    host = Tree.there(tree).state["base_url"]
    if "dask" in options.engines and importlib.util.find_spec("distributed") is None:
        sys.exit("dask: needs the extra dask; leave it out with --engines one threads processes")
    TARGETS.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="engines-", dir=TARGETS))
    cluster = Cluster(root, options.workers, options.threads) if "dask" in options.engines else None
    found = {engine: [] for engine in options.engines}
    try:
        for round_no in range(options.n):
            for engine in options.engines:
                mirror, config = root / "mirror", root / "pypimirror.cfg"
                keys = {"mirror_file_path": mirror, "index_url": f"{host}/simple/", "package_matches": "*", **ENGINES[engine]}
                if engine == "dask":
                    keys["scheduler"] = cluster.address
                config.write_text("[DEFAULT]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
                program = PROGRAMS.get(engine, ("-m", "pypimirror"))
                sample = measure.run([sys.executable, *program, str(config), "sync", "-q"], root / "sync.log")
                check = verify_mirror.check(tree, mirror, flat=True)
                bad = sum(check[key] for key in verify_mirror.WRONG)
                if sample["rc"] or bad:
                    raise SystemExit(f"{engine}: status {sample['rc']}, {bad} things wrong; see {root / 'sync.log'}")
                shutil.rmtree(mirror)
                found[engine].append(sample["wall"])
                with open(options.out, "a") as out:
                    out.write(json.dumps({"engine": engine, "round": round_no, **sample, **check}) + "\n")
    finally:
        if cluster is not None:
            cluster.close()
    base = found[options.engines[0]]
    for engine, walls in found.items():
        ratio = statistics.median(one / wall for one, wall in zip(base, walls, strict=True))
        print(f"{engine:10} {measure.spread(walls):22} {check['files'] / statistics.median(walls):7.0f} files/s   x{ratio:.2f}")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
