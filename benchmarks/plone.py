"""A whole deployment from pins to a proof: mirrored, carried to another host by a bundle, and installed there.

``python benchmarks/plone.py VERSIONS.cfg EGG [FOLDER]``: VERSIONS.cfg pins a release of Plone and what it needs, EGG is what
an instance has, such as ``Products.CMFPlone``. Mirrors from PyPI, which takes some 400 MB in FOLDER and some minutes;
everything else uses loopback only. Prints the seconds and the size of each step.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


def main(versions: str, egg: str, folder: str | None = None) -> int:
    """Run all steps; return the exit status of the proof."""
    place = Path(folder or tempfile.mkdtemp(prefix="plone-")).resolve()
    near, far = configuration(place, "near", versions), configuration(place, "far", versions)
    pypimirror(near, "sync", "--yes")
    shown("mirror", place / "near")
    pypimirror(near, "export", str(place / "bundle"))
    shown("bundle", place / "bundle")
    pypimirror(far, "import", str(place / "bundle"))
    shown("mirror on the other side", place / "far")
    pypimirror(far, "snapshot", "create", "tested")
    with serving(far) as address:
        [pins] = [path.name for path in (place / "far" / "pins").iterdir()]
        client = place / "client"
        client.mkdir(exist_ok=True)
        (client / "buildout.cfg").write_text("\n".join([
            "[buildout]", f"extends = {address}pins/{pins}", "parts = instance", "allow-picked-versions = false", "[instance]",
            "recipe = plone.recipe.zope2instance", "user = admin:admin", f"eggs = {egg}", ""]))
        for index in (f"{address}simple/", f"{address}snapshots/tested/simple/"):
            done = pypimirror(None, "doctor", "--url", index, str(client / "buildout.cfg"), "--json", status=(0, 1))
            print(f"    {json.loads(done)['errors']} errors at {index}")
        done = pypimirror(None, "doctor", "--url", f"{address}simple/", str(client / "buildout.cfg"), "--prove", "--json",
                          status=(0, 1))
        [examined] = json.loads(done)["files"]
        proof = examined["proof"]
        files = {one["file"] for one in examined["installs"]}
        print(f"    {len(files)} files, {proof['versions']}, closed by {proof['closed_by']}, refused: {proof['refused']}")
        print("\n".join(proof["output"]))
        return 0 if proof["good"] else 1


def configuration(place: Path, name: str, versions: str) -> Path:
    """Write the configuration of a mirror for this Python; return its path."""
    path = place / f"{name}.cfg"
    path.write_text(f"[pypimirror]\nmirror_file_path = {name}\nversions = {os.path.abspath(versions)}\n"
                    f"python_versions = {sys.version_info[0]}.{sys.version_info[1]}\nplatforms = manylinux_2_28_x86_64\n")
    return path


def pypimirror(config: Path | None, *arguments: str, status: tuple[int, ...] = (0,)) -> str:
    """Run a verb and print how long it took; return what it printed. Raises CalledProcessError for another exit status."""
    command = [sys.executable, "-m", "pypimirror", *([str(config)] if config else []), *arguments]
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(f"{time.monotonic() - begun:8.1f} s  {' '.join(command[3:])}", flush=True)
    if done.returncode not in status:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


@contextlib.contextmanager
def serving(config: Path) -> Iterator[str]:
    """Serve a mirror on a free port of loopback; return its address."""
    command = [sys.executable, "-m", "pypimirror", str(config), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(found[0] for line in server.stdout if (found := _ADDRESS.search(line)))
        finally:
            server.terminate()


def shown(what: str, folder: Path) -> None:
    files = [path.stat() for path in folder.rglob("*") if path.is_file()]
    print(f"    {what}: {len(files)} files, {sum(one.st_size for one in files) / 1e6:.0f} MB")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
