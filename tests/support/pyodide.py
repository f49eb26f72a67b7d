"""A real micropip in a real Pyodide, in a page that Chromium has loaded; PYPIMIRROR_PROGRAMS names their versions."""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import folder_lock, servers, wheelhouse
from support.chromium import Browser, browser

_PAGE = "<!DOCTYPE html><title>Pyodide</title>"
#: Pyodide's list of packages has hashes of its own builds of these wheels.
_START = """
    const { loadPyodide } = await import("/pyodide.mjs");
    window.python = await loadPyodide();
    await python.loadPackage(arguments[0], {checkIntegrity: false});"""
_RUN = """
    python.globals.set("index", arguments[0]);
    python.globals.set("requirement", arguments[1]);
    return JSON.parse(await python.runPythonAsync(`
        import json, micropip
        micropip.set_index_urls([index])
        await micropip.install(requirement)
        json.dumps({name: package.version for name, package in micropip.list().items()})`));"""


class Pyodide:
    """A page with a running Python."""

    def __init__(self, window: Browser, url: str, wheels: list[str]):
        self._window = window
        window.open(url)
        window.run_async(_START, [f"{url}/{wheel}" for wheel in wheels])

    def install(self, index: str, requirement: str) -> dict[str, str]:
        """Install with micropip; gives versions by name."""
        found: dict[str, str] = self._window.run_async(_RUN, index, requirement)
        return found


@contextlib.contextmanager
def started(log: Path) -> Iterator[Pyodide]:
    """Run the Pyodide that PYPIMIRROR_PROGRAMS names in a page of a server of its own."""
    folder, wheels = _unpacked()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler: Any = functools.partial(Quiet, directory=str(folder))
    with servers.answered_by(handler) as url, browser(log) as window:
        yield Pyodide(window, url, wheels)


def _unpacked() -> tuple[Path, list[str]]:
    """Give a folder with Pyodide and the wheels beside it, and the names of these."""
    (program,) = (one for one in wheelhouse.PROGRAMS if one.name == "pyodide")
    folder = wheelhouse.CHECKOUT / "var" / "tests" / f"pyodide-{program.version}"
    beside = [f"{requirement.replace('==', '-')}-py3-none-any.whl" for requirement in program.requirements[1:]]
    with folder_lock.alone(folder):
        folder.mkdir(exist_ok=True)
        page = folder / "index.html"
        if not page.is_file():
            with tarfile.open(wheelhouse.FOLDER / f"pyodide-{program.version}.tgz") as archive:
                for member in archive:
                    source = archive.extractfile(member)
                    if source is not None:
                        (folder / Path(member.name).name).write_bytes(source.read())
            page.write_text(_PAGE)
        for wheel in beside:
            shutil.copy(wheelhouse.FOLDER / wheel, folder)
    return folder, beside
