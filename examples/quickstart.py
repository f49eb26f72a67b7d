"""Fills the mirror of this buildout, serves it, and installs from nothing but it. Made a script by buildout.cfg."""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


def main(mirror: str, *requirements: str) -> int:
    """Show the whole way.

    mirror: path of the mirror's script. requirements: what to install from the mirror.
    Gives the exit status: that of the first command that failed, or 0.
    """
    say("Fetching the packages")
    status = subprocess.call([mirror, "sync"])
    if status:
        return status
    say("Serving them")
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
        say("Done. The same by hand")
        print(f"    {shown(mirror)} serve --port 8080\n"
              f"    pip install --index-url http://127.0.0.1:8080/simple/ {' '.join(requirements)}")
    return status


def address_of(server: "subprocess.Popen[str]") -> str | None:
    """Wait for the line in which the server tells its address; None if it ends without one."""
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="", flush=True)
        found = _ADDRESS.search(line)
        if found:
            return found[0]
    return None


def install(folder: Path, address: str, requirements: tuple[str, ...]) -> int:
    """Install into a fresh environment with pip, which is told of no other index; give pip's exit status."""
    say(f"Installing {', '.join(requirements)} from {address} alone")
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    # Only what is named here counts: neither configuration files nor variables of the person who tries this.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_") and name != "PYTHONPATH"}
    command = [str(python), "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-cache-dir",
               "--index-url", f"{address}simple/", *requirements]
    status = subprocess.call(command, env={**plain, "PIP_CONFIG_FILE": os.devnull})
    if status == 0:
        subprocess.call([str(python), "-m", "pip", "--disable-pip-version-check", "list"], env=plain)
    return status


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text} ==", flush=True)


def shown(path: str) -> str:
    """Give a path as short as it can be typed from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
