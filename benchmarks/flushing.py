"""What it costs to have files on disk before their pages are seen: ways compared on this disk, in turns.

    python benchmarks/flushing.py DIRECTORY [PROJECTS [ROUNDS]]

Each project has four files of 8 kB and two pages of 3 kB. Times are seconds for all projects, the least and the median of the
rounds. ``nothing``: no waiting at all. ``flush``: the file system once a project, as the mirror does it, shared by the workers
that ask at the same time. ``fdatasync``, ``fsync``: every file and page by itself, and the folder.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pypimirror.storage.syncfs import SyncFs

FILES, PAGES = 4, 2
FILE, PAGE = os.urandom(8192), bytes(3000)


def written(folder: str, body: bytes, sync: Callable[[int], None] | None) -> str:
    path = os.path.join(folder, uuid.uuid4().hex)
    with open(path, "wb", buffering=0) as stream:
        stream.write(body)
        if sync is not None:
            sync(stream.fileno())
    return path


def project(root: str, sync: Callable[[int], None] | None, flush: SyncFs | None, number: int) -> None:
    folder = os.path.join(root, str(number))
    os.mkdir(folder)
    for index in range(FILES):
        os.replace(written(root, FILE, sync), os.path.join(folder, f"file{index}"))
    pages = [written(root, PAGE, sync) for _ in range(PAGES)]
    if sync is not None:
        handle = os.open(folder, os.O_RDONLY)
        sync(handle)
        os.close(handle)
    if flush is not None:
        flush(root)
    for index, page in enumerate(pages):
        os.replace(page, os.path.join(folder, f"page{index}"))


def seconds(root: str, way: str, workers: int, projects: int) -> float:
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    os.sync()
    sync = {"fsync": os.fsync, "fdatasync": os.fdatasync}.get(way)
    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(partial(project, root, sync, SyncFs() if way == "flush" else None), range(projects)))
    return time.perf_counter() - begin


def main(directory: str, projects: str = "500", rounds: str = "5") -> None:
    root = os.path.join(directory, f"flushing-{os.getpid()}")
    found: dict[tuple[int, str], list[float]] = {}
    for _ in range(int(rounds)):
        for workers in (1, 8):
            for way in ("nothing", "flush", "fdatasync", "fsync"):
                found.setdefault((workers, way), []).append(seconds(root, way, workers, int(projects)))
    shutil.rmtree(root)
    print(f"{projects} projects, {int(projects) * FILES} files; load {os.getloadavg()[0]:.1f}")
    for (workers, way), times in sorted(found.items()):
        print(f"{workers} workers  {way:9}  {min(times):6.2f} s  {statistics.median(times):6.2f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
