"""What bin/test runs: fills the wheelhouse, then hands over to pytest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support import wheelhouse

#: Where temporary files lie in memory, and the bytes that have to be free there. Runs write all they write through to the disk,
#: so that tests would wait for the disk more than for anything else.
_MEMORY, _ROOM = Path("/dev/shm"), 4 << 30


def main() -> int:
    """Run the tests that the command line chooses, the quick ones without arguments; give pytest's exit status."""
    _keep_bytecode()
    import pytest

    os.chdir(wheelhouse.CHECKOUT)
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
        os.environ.setdefault("TMPDIR", str(_MEMORY))
    # Commands that tests start find what this process finds.
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith(".egg") or _is_ours(path))
    try:
        wheelhouse.fill()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"bin/test: {wheelhouse.FOLDER} can't be filled, tests that install from it will fail: {error}", file=sys.stderr)
    # Side by side, as many as the machine has processors; what the command line says counts, such as --numprocesses=0.
    return int(pytest.main(["--numprocesses=logical", "--dist=worksteal", *sys.argv[1:]]))


def _keep_bytecode() -> None:
    """Where PYTHONDONTWRITEBYTECODE keeps bytecode out of the checkout, have it in var: tests start hundreds of processes."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(wheelhouse.CHECKOUT / "var" / "pycache"))


def _is_ours(path: str) -> bool:
    return bool(path) and Path(path).resolve().is_relative_to(wheelhouse.CHECKOUT / "src")
