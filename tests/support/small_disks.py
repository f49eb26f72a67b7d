"""Small disks of their own: ext4 on a loop device, whose power can be cut; tmpfs of a given size."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Shuts a file system down at once, what is in memory forgotten (EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH).
_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, 2


def _mounted(*arguments: str) -> None:
    """Mount something or skip the test, saying why."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not to be had here: {done.stderr.strip()}")


class Small:
    """A folder that is a disk of its own (tmpfs), of so many bytes."""

    def __init__(self, place: Path, size: int):
        self.place = place
        place.mkdir()
        _mounted("-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(place))

    def grow(self, size: int) -> None:
        """Make it larger, what is there left alone."""
        _mounted("-o", f"remount,size={size}", str(self.place))

    def pull_out(self) -> None:
        subprocess.run(["umount", str(self.place)], check=True)


@contextmanager
def small(place: Path, size: int) -> Iterator[Small]:
    """Give a disk of that many bytes; the place is made for it."""
    made = Small(place, size)
    try:
        yield made
    finally:
        made.pull_out()


class Disk:
    """An ext4 file system, mounted at ``place``."""

    def __init__(self, folder: Path, megabytes: int):
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("no mkfs.ext4")
        self.place, self._image = folder / "disk", folder / "image"
        self.place.mkdir()
        with self._image.open("wb") as stream:
            stream.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)
        self.plug_in()

    def plug_in(self) -> None:
        # Without the help that ext4 gives to programs that replace files and don't wait.
        _mounted("-o", "loop,noauto_da_alloc", str(self._image), str(self.place))

    def pull_out(self) -> None:
        subprocess.run(["umount", str(self.place)], check=True)
        # The kernel detaches the loop device a moment later; two of them on one image would not see each other's blocks.
        while subprocess.run(["losetup", "--associated", str(self._image)], capture_output=True, check=True).stdout:
            time.sleep(0.005)

    def cut_power(self) -> None:
        """From here on nothing comes to the disk, and what was not on it is forgotten; ``pull_out`` and ``plug_in`` follow."""
        handle = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(handle)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Have another program write to it meanwhile and wait for that: the names of all files are on disk then, and of their
        contents no more than their programs saw to."""
        over = threading.Event()

        def write() -> None:
            try:
                with (self.place / "neighbour").open("wb", buffering=0) as stream:
                    while not over.wait(0.005):
                        stream.write(b"x")
                        os.fsync(stream.fileno())
            except OSError:
                pass  # the power was cut

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Give a disk of that size whose power can be cut."""
    made = Disk(folder, megabytes)
    try:
        yield made
    finally:
        made.pull_out()
