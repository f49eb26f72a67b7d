"""Programs that tests run, installed from the wheelhouse into an environment of their own."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from support import folder_lock, wheelhouse

_FOLDER = wheelhouse.CHECKOUT / "var" / "tests" / f"programs-python{sys.version_info[0]}.{sys.version_info[1]}"


def chosen(name: str) -> list[Any]:
    """Give the programs of a distribution that PYPIMIRROR_PROGRAMS names, as parameters; if none, one to be skipped."""
    found = [pytest.param(one, id=one.version) for one in wheelhouse.PROGRAMS if one.name == name]
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(f"PYPIMIRROR_PROGRAMS names no {name}"))]


def on_demand(wanted: wheelhouse.Program) -> Path:
    """Give the folder of the programs of a distribution that PYPIMIRROR_PROGRAMS names, in an environment of its own."""
    folder = wheelhouse.CHECKOUT / "var" / "tests" / f"{wanted.name}-{wanted.version}-{Path(wanted.python).resolve().name}"
    stamp = folder / "installed"
    with folder_lock.alone(folder):
        if not stamp.is_file():
            environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}
            subprocess.run([wanted.python, "-m", "venv", "--clear", str(folder)], env=environ, check=True)
            subprocess.run(
                [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index",
                 "--find-links", str(wheelhouse.FOLDER), *wanted.requirements], env=environ, check=True)
            stamp.touch()
    return folder / "bin"


def program(name: str) -> Path:
    """Give the path of a program of the distribution of that name, in the version that versions.cfg pins."""
    (wanted,) = wheelhouse.exactly((name,), "6")
    stamp = _FOLDER / f"{name}.txt"
    with folder_lock.alone(_FOLDER):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            if not (_FOLDER / "bin" / "python").exists():
                venv.create(_FOLDER, symlinks=True, with_pip=True)
            environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}
            subprocess.run([str(_FOLDER / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                            "--no-index", "--find-links", str(wheelhouse.FOLDER), wanted], env=environ, check=True)
            stamp.write_text(wanted, encoding="utf-8")
    return _FOLDER / "bin" / name
