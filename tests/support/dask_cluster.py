"""Dask clusters on loopback: a real scheduler, and workers that are processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import wheelhouse

#: What they import tasks from, besides what they have anyhow.
_PATH = (wheelhouse.CHECKOUT / "src", wheelhouse.CHECKOUT / "tests")


def wait_for(condition: Callable[[], Any], seconds: float = 600.0) -> Any:
    """Return what the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


class Cluster:
    """A scheduler, and the workers that tests start; all of them end with it."""

    def __init__(self, folder: Path, first: tuple[Path, ...] = ()):
        """first: what the scheduler imports from before all else."""
        self.folder = folder
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", first, "--port", "0", "--scheduler-file", str(self._file))
        wait_for(lambda: self._file.is_file() and self._file.read_text())
        #: Of the scheduler.
        self.address: str = json.loads(self._file.read_text())["address"]

    def worker(self, threads: int = 4, first: tuple[Path, ...] = ()) -> subprocess.Popen[bytes]:
        """Start a worker; it joins a little later. first: what it imports from before all else."""
        return self._start("worker", first, self.address, "--no-nanny", "--nthreads", str(threads), "--local-directory",
                           str(self.folder))

    def _start(self, kind: str, first: tuple[Path, ...], *arguments: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([*map(str, (*first, *_PATH)), os.environ.get("PYTHONPATH", "")])
        log = self.folder / f"{kind}-{len(self._processes)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1", "--no-dashboard", *arguments],
                env={**os.environ, "PYTHONPATH": path}, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, cwd=self.folder)
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
