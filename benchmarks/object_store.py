"""Measures our storages: small and large files into a directory and into an object store of loopback (moto's server).

    PYTHONPATH=src python benchmarks/object_store.py [SMALL FILES]

needs ``moto[s3] flask flask-cors boto3``. Both are written to by eight threads in the same run, in turns; prints files a
second, milliseconds of this process's processor a file, and the memory that it takes besides.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pypimirror.storage.filesystem import FileSystem
from pypimirror.storage.s3 import S3Storage
from pypimirror.testing.storage import settings

THREADS = 8
SMALL = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
SIZES = {"8 KiB": (8 << 10, SMALL), "64 MiB": (64 << 20, 16)}
TURNS = 3


def store(folder: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start the object store, make a bucket, and put into the environment how to reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret", AWS_ENDPOINT_URL=endpoint)
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, cwd=folder)
    for _ in range(300):
        try:
            urllib.request.urlopen(urllib.request.Request(f"{endpoint}/bucket", method="PUT")).close()
            return server, endpoint
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the object store does not start")


def timed(work: Callable[[], object], count: int) -> tuple[float, float]:
    """Give files a second, and milliseconds of processor time a file."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - began), (time.process_time() - cpu) * 1000 / count


def main() -> None:
    """Measure both, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        server, _ = store(folder)
        try:
            storages: dict[str, Any] = {
                "directory": FileSystem(settings(f"{folder}/mirror", f"{folder}/mirror/.pypimirror")),
                "object store": S3Storage(settings("s3://bucket/pypi", folder))}
            block = os.urandom(64 << 10)
            for storage in storages.values():
                storage.prepare()
                storage.write("first", [block])
            for name, (size, count) in SIZES.items():
                for turn in range(TURNS):
                    for kind, storage in storages.items():
                        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                        blocks = [block[:size]] * max(1, size // len(block))
                        with ThreadPoolExecutor(THREADS) as pool:
                            rate, cpu = timed(lambda storage=storage, blocks=blocks, turn=turn, count=count, pool=pool: list(
                                pool.map(lambda n: storage.write(f"p{turn}/{n}.whl", blocks), range(count))), count)
                        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
                        print(f"{name:>7} {kind:<12} {rate:8.1f} files/s {rate * size / 1e6:8.1f} MB/s {cpu:8.2f} ms cpu/file "
                              f"+{memory} MB   load {os.getloadavg()[0]:.1f}", flush=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
