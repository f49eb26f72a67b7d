"""Fills the mirror of this buildout, serves it, and installs only from it. buildout.cfg makes it a script."""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


def main(mirror: str, *requirements: str) -> int:
    """Return the exit status of the first command that failed, or 0.

    mirror: path of the mirror's script. requirements: to install from the mirror.
    """
    print_heading("Fetching the packages")
    status = subprocess.call([mirror, "sync"])
    if status:
        return status
    print_heading("Serving them")
    server = subprocess.Popen([mirror, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        address = address_of(server)
        if address is None:
            print("quickstart: the server ended without an address", file=sys.stderr)
            return server.wait() or 1
        with tempfile.TemporaryDirectory(prefix="quickstart-") as folder:
            status = install(Path(folder), address, requirements)
    finally:
        server.terminate()
        server.wait()
    if status == 0:
        print_heading("Done. The same by hand")
        print(f"    {shown(mirror)} serve --port 8080\n"
              f"    pip install --index-url http://127.0.0.1:8080/simple/ {' '.join(requirements)}")
    return status


def address_of(server: "subprocess.Popen[str]") -> str | None:
    """Return the address that the server prints when it is ready, or None if it ends before."""
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="", flush=True)
        found = _ADDRESS.search(line)
        if found:
            return found[0]
    return None


def install(folder: Path, address: str, requirements: tuple[str, ...]) -> int:
    """Install into a new environment with pip, from no other index; return pip's exit status."""
    print_heading(f"Installing {', '.join(requirements)} from {address} alone")
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    # Without the user's configuration files and variables of pip.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_") and name != "PYTHONPATH"}
    command = [str(python), "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-cache-dir",
               "--index-url", f"{address}simple/", *requirements]
    status = subprocess.call(command, env={**plain, "PIP_CONFIG_FILE": os.devnull})
    if status == 0:
        subprocess.call([str(python), "-m", "pip", "--disable-pip-version-check", "list"], env=plain)
    return status


def print_heading(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text} ==", flush=True)


def shown(path: str) -> str:
    """Return a path relative to the current directory if it is below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
