"""A machine whose PID 1 is systemd: namespaces over the files of this one, whose changes are lost at its end.

Needs root, overlayfs and a cgroup2 hierarchy. Network and time are those of the host.
"""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Of the units that a boot would start, those that act on the kernel, which the host shares, or on the network.
_MASKED = ("systemd-sysctl", "systemd-modules-load", "modprobe@", "systemd-udevd", "systemd-udev-trigger", "systemd-binfmt",
           "systemd-random-seed", "kmod-static-nodes", "systemd-remount-fs")
_MASKED_MOUNTS = ("sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
                  "sys-fs-fuse-connections.mount", "dev-hugepages.mount", "proc-sys-fs-binfmt_misc.automount")
#: Makes the root and becomes its PID 1. Arguments: a directory for mounts, the terminal that becomes the console.
_BOOT = """\
set -eu
mount --make-rprivate /
mount -t tmpfs machine "$1"
root=$1/root
mkdir "$1/upper" "$1/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
touch "$root/dev/console"
mount --bind "$2" "$root/dev/console"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/old"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
cd "$root"
pivot_root . old
umount -l /old
find /etc/systemd/system -type l -delete
for unit in $3; do ln -s /dev/null "/etc/systemd/system/$unit"; done
: > /etc/machine-id
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin "$4" --unit=basic.target --show-status=1
"""
_PLACES = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")
_SECONDS = 60


class Machine:
    """Runs programs in the machine."""

    def __init__(self, pid: int):
        self._pid = pid

    def run(self, *command: str, expected: int | None = 0) -> str:
        """Return the output of a program that ends with ``expected``, whatever it is if that is None."""
        done = subprocess.run(["nsenter", "--target", str(self._pid), "--mount", "--pid", "--ipc", "--uts", "--cgroup",
                               "--root", "--wd=/", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=_SECONDS, env={**os.environ, "LC_ALL": "C.UTF-8"})
        assert expected is None or done.returncode == expected, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file of the machine."""
        subprocess.run(["nsenter", "--target", str(self._pid), "--mount", "--root", "sh", "-c",
                        'mkdir -p "$(dirname "$1")" && cat > "$1"', "sh", path], input=text, text=True, check=True)


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Boot a machine, and power it off afterwards. folder: an empty one for its mounts."""
    program = next((place for place in _PLACES if os.access(place, os.X_OK)), None)
    hierarchy = _cgroup2()
    if program is None or hierarchy is None or os.geteuid() != 0 or not shutil.which("nsenter"):
        pytest.skip("needs root, systemd, nsenter and a cgroup2 hierarchy")
    group = hierarchy / f"pypimirror-test-{os.getpid()}"
    group.mkdir()
    master, slave = pty.openpty()
    masked = " ".join([*(f"{name}.service" for name in _MASKED), *_MASKED_MOUNTS])
    # The process enters its group before its namespace of groups begins, so that the machine sees this group alone.
    enter = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"'
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts", "--cgroup"]
    boot = ["sh", "-c", _BOOT, "sh", str(folder), os.ttyname(slave), masked, program]
    process = subprocess.Popen(
        ["sh", "-c", enter, "sh", str(group), *unshare, *boot],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    console = _Console(master)
    try:
        pid = console.first_child(process)
        machine = Machine(pid)
        console.wait(lambda: machine.run("systemctl", "is-system-running", expected=None).strip() in ("running", "degraded"),
                     process)
        yield machine
    finally:
        process.kill()
        process.wait()
        console.close()
        _remove(group)


class _Console:
    """Keeps what the machine prints on its console."""

    def __init__(self, master: int):
        self._master = master
        self.text = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the last process that had the terminal has ended
            while block := os.read(self._master, 65536):
                self.text += block.decode(errors="replace")

    def first_child(self, process: subprocess.Popen[bytes]) -> int:
        """Return the process that is PID 1 of the machine."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        self.wait(lambda: bool(children.read_text().split()), process)
        return int(children.read_text().split()[0])

    def wait(self, is_reached: object, process: subprocess.Popen[bytes]) -> None:
        """Wait until a condition holds; fail with the console's text if it never does."""
        assert callable(is_reached)
        end = time.monotonic() + _SECONDS
        while not is_reached():
            assert process.poll() is None and time.monotonic() < end, f"the machine did not boot:\n{self.text}"
            time.sleep(0.1)

    def close(self) -> None:
        self._thread.join(_SECONDS)
        os.close(self._master)


def _cgroup2() -> Path | None:
    """Return where the cgroup2 hierarchy is mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(place)
    return None


def _remove(group: Path) -> None:
    """Remove a group and those below it; the kernel empties them a moment after their last process."""
    for folder, _, _ in os.walk(group, topdown=False):
        for _ in range(100):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
                break
            time.sleep(0.05)
