"""Runs real clients against an index on loopback."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pypimirror.interfaces import IClient
from pypimirror.names import normalize
from pypimirror.settings.values import Settings
from pypimirror.zcml import builtin, registry
from support import program_versions, programs, wheelhouse

#: Seconds that an installation may take on a busy machine.
PATIENCE = 300
#: The clients of the product, in the order in which it names them.
CLIENTS = registry.create_all(builtin.load_builtin(), (Settings({"versions": (), "requirements": ()}, {}),), IClient)


def render(client: str, index: str) -> str:
    """Return a client's file for an index, a URL with a trailing slash."""
    return CLIENTS[client].render(index)


def environment(home: Path, **others: str) -> dict[str, str]:
    """Give an environment without any client's configuration, in which every way to another host than this one is closed."""
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "XDG_", "PYTHON"))}
    nowhere = "http://127.0.0.1:9"  # nothing listens on the port for discarded data
    return {**kept, "HOME": str(home), "http_proxy": nowhere, "https_proxy": nowhere, "no_proxy": "127.0.0.1,localhost",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_COMPILE": "0", **others}


def run(command: Sequence[object], folder: Path, environ: Mapping[str, str]) -> str:
    """Run a program in a folder; gives what it printed. Fails with that if the program does."""
    done = subprocess.run([str(word) for word in command], cwd=folder, env=dict(environ), timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@functools.cache
def versions() -> None:
    """Take note of the clients' versions."""
    for program, client in {"pip": "pip", "uv": "uv", "zc.buildout": "buildout"}.items():
        program_versions.note(program, version(client))


@functools.cache
def version(client: str) -> str:
    """Give the version of a client, of Poetry and PDM the one that PYPIMIRROR_PROGRAMS names."""
    chosen = next((one.version for one in wheelhouse.PROGRAMS if one.name == client), None)
    if chosen is not None:
        return chosen
    python = Path(sys.executable)
    command = {"pip": [python, "-m", "pip", "--version"], "uv": [programs.program("uv"), "--version"],
               "buildout": [python.with_name("buildout"), "--version"]}[client]
    printed = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    return program_versions.number(printed)


def pip(index: str, names: Sequence[str], folder: Path, *options: str) -> dict[str, str]:
    """Install with pip; gives versions by name."""
    target = folder / "pip"
    run_pip(["--target", target, "--index-url", index, *options, *names], folder, environment(folder / "home"))
    return installed(target)


def run_pip(arguments: Sequence[object], folder: Path, environ: Mapping[str, str], command: str = "install") -> str:
    """Run ``pip install``, or another command of pip's; gives what it printed."""
    return run([sys.executable, "-m", "pip", command, "--no-cache-dir", *arguments], folder, environ)


def uv(index: str, names: Sequence[str], folder: Path, *options: str) -> dict[str, str]:
    """Install with uv; gives versions by name."""
    target = folder / "uv"
    run_uv(["--target", target, "--default-index", index, *options, *names], folder, environment(folder / "home"))
    return installed(target)


def run_uv(arguments: Sequence[object], folder: Path, environ: Mapping[str, str]) -> str:
    """Run ``uv pip install``; gives what it printed."""
    program = programs.program("uv")
    return run([program, "pip", "install", "--no-cache", "--python", sys.executable, *arguments], folder, environ)


def buildout(index: str, recipe: str, folder: Path, **options: str) -> dict[str, str]:
    """Run a buildout with one part of a recipe of ``published_tree.recipe``; gives versions by name."""
    lines = [f"index = {index}", "parts = part", *(f"{key} = {value}" for key, value in options.items())]
    text = "\n".join(["[buildout]", *lines, "[part]", f"recipe = {recipe}", ""])
    return run_buildout(text, folder, environment(folder / "home", PIP_INDEX_URL=index))


def run_buildout(text: str, folder: Path, environ: Mapping[str, str], python: Path | None = None) -> dict[str, str]:
    """Run a buildout with this configuration; gives versions by normalised name, as the recipe wrote them.

    python: the one beside the buildout program to run, this one unless given.
    """
    (folder / "buildout.cfg").write_text(text)
    run([Path(python or sys.executable).with_name("buildout")], folder, environ)
    return {normalize(name): version for name, version in json.loads((folder / "versions").read_text()).items()}


def installed(target: Path) -> dict[str, str]:
    """Give versions by normalised name of what lies in a folder of packages."""
    found = (path.name.removesuffix(".dist-info").split("-") for path in target.glob("*.dist-info"))
    return {normalize(name): version for name, version in found}
