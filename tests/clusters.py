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

import wheelhouse

#: What workers import tasks from, besides what they have anyhow.
_PATH = (wheelhouse.CHECKOUT / "src", wheelhouse.CHECKOUT / "tests")


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
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

    def __init__(self, folder: Path):
        self.folder = folder
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(self._file))
        wait_for(lambda: self._file.is_file() and self._file.read_text())
        #: Of the scheduler.
        self.address: str = json.loads(self._file.read_text())["address"]

    def worker(self, threads: int = 4, path: tuple[Path, ...] = _PATH) -> subprocess.Popen[bytes]:
        """Start a worker; it joins a little later. path: what it can import from."""
        return self._start("worker", self.address, "--no-nanny", "--nthreads", str(threads), "--local-directory",
                           str(self.folder), path=path)

    def _start(self, kind: str, *arguments: str, path: tuple[Path, ...] = _PATH) -> subprocess.Popen[bytes]:
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep) if path else []
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *inherited])}
        log = self.folder / f"{kind}-{len(self._processes)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1", "--no-dashboard", *arguments],
                env=environ, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, cwd=self.folder)
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
