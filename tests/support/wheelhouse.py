"""The wheelhouse: wheels that tests install from, since they never use the network themselves.

``bin/test`` fills it before the first test, ``python tests/support/wheelhouse.py`` does so by hand. Once filled it is used as
it is, until what belongs into it changes. It lies in var/wheelhouse, or where PYPIMIRROR_WHEELHOUSE says.
PYPIMIRROR_BUILDOUTS names the generations of zc.buildout that are tried: ``6 5`` unless given, ``6 5 4 3`` for all.
PYPIMIRROR_INDEXES names the index servers that are mirrored from: ``pypiserver`` unless given, ``pypiserver devpi`` for all.
PYPIMIRROR_PROGRAMS names further programs that are tried and that are too heavy for every day, each as
``NAME==VERSION@PYTHON``, for instance ``poetry==2.5.1@python3.11 bandersnatch==8.2.0@/usr/bin/python3.13``; without
``@PYTHON`` it is this one. What must stand beside one follows behind commas: ``pdm==2.29.0,hishel<1.2,unearth<0.19``.
``pyodide==314.0.7,micropip==0.11.1,packaging==26.1`` is a Python for browsers, which npm gets, and wheels for it.
"""

import configparser
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PYPIMIRROR_WHEELHOUSE") or CHECKOUT / "var" / "wheelhouse")
_NOTE = f"filled-for-{sys.version_info[0]}.{sys.version_info[1]}.json"
GENERATIONS = tuple((os.environ.get("PYPIMIRROR_BUILDOUTS") or "6 5").split())
#: Those of tests that take half a minute for each: the newest unless PYPIMIRROR_BUILDOUTS names some.
HEAVY_GENERATIONS = GENERATIONS if os.environ.get("PYPIMIRROR_BUILDOUTS") else GENERATIONS[:1]

#: What the product stands on, all of it.
PRODUCT = ("certifi", "charset-normalizer", "idna", "packaging", "requests", "urllib3", "waitress", "zc.lockfile",
           "zope.component", "zope.configuration", "zope.event", "zope.hookable", "zope.i18nmessageid", "zope.interface",
           "zope.schema")
#: Versions such as Plone 6.0 and 6.1 pin: urllib3 1, and zope packages that still declare their namespace the old way.
_PLONE = {"certifi": "2024.12.14", "charset-normalizer": "3.4.1", "idna": "3.10", "packaging": "24.2", "requests": "2.32.3",
          "urllib3": "1.26.20", "waitress": "3.0.2", "zc.lockfile": "3.0.post1", "zope.component": "6.0",
          "zope.configuration": "6.0", "zope.event": "5.0", "zope.hookable": "7.0", "zope.i18nmessageid": "7.0",
          "zope.interface": "7.2", "zope.schema": "7.0.1"}
#: Each generation of zc.buildout as its users have it, where that is not what versions.cfg pins. 3.1 is Plone 6.0's and 4.1 is
#: Plone 6.1's; both need a setuptools that still has package_index or pkg_resources. 3.1 finds a distribution with a dot in its
#: name by a wheel with a normalised name only with a setuptools of 75.8 or later.
BUILDOUTS = {
    "6": {},
    "5": {"zc.buildout": "5.2.0", "setuptools": "81.0.0", "zc.recipe.egg": "4.0.0"},
    "4": {**_PLONE, "zc.buildout": "4.1.12", "setuptools": "75.8.2", "zc.recipe.egg": "3.0.0"},
    "3": {**_PLONE, "zc.buildout": "3.1.1", "setuptools": "75.8.2", "zc.recipe.egg": "3.0.0", "pip": "25.0.1"},
}
#: The last setuptools but for bug fixes whose easy_install does all the work by itself.
EASY_INSTALL = "setuptools==65.7.0"
#: Backends that real sdists are built with, and what these need; pip, setuptools and wheel are there already.
BACKENDS = ("flit-core", "hatchling", "pathspec", "pluggy", "poetry-core", "setuptools-scm", "tomli", "tomlkit",
            "trove-classifiers", "typing-extensions", "vcs-versioning")
#: Other index servers with all that each stands on; pip and setuptools of ``pins`` come beside.
INDEXES = {
    "pypiserver": {"defusedxml": "0.7.1", "importlib-resources": "7.1.0", "packaging": "26.3", "passlib": "1.7.4",
                   "pypiserver": "2.4.2"},
    "devpi": {
        "anyio": "4.16.0", "argon2-cffi": "25.1.0", "argon2-cffi-bindings": "26.2.0", "attrs": "26.1.0",
        "certifi": "2026.10.18", "cffi": "2.1.1", "charset-normalizer": "3.5.2", "defusedxml": "0.7.1",
        "devpi-common": "4.1.1", "devpi-server": "6.20.3", "h11": "0.16.0", "httpcore": "1.0.9", "httpx": "0.28.1",
        "hupper": "1.12.1", "idna": "3.20", "itsdangerous": "2.2.0", "lazy": "2.0", "packaging-legacy": "23.0.post0",
        "packaging": "26.3", "passlib": "1.7.4", "pastedeploy": "3.1.0", "plaster": "1.1.2", "plaster-pastedeploy": "1.0.1",
        "platformdirs": "4.14.7", "pluggy": "1.7.0", "py": "1.11.0", "pycparser": "3.12", "pyramid": "2.1",
        "python-dateutil": "4.0.0", "repoze.lru": "0.8", "requests": "2.34.2", "ruamel.yaml": "0.19.1",
        "setuptools": "81.0.0", "strictyaml": "1.7.3", "translationstring": "1.4", "typing-extensions": "4.16.0",
        "urllib3": "2.8.0", "venusian": "3.1.1", "waitress": "3.0.2", "webob": "1.8.11", "zope.deprecation": "6.0",
        "zope.interface": "8.7"},
}
CHOSEN_INDEXES = tuple((os.environ.get("PYPIMIRROR_INDEXES") or "pypiserver").split())
#: What stands beside zc.buildout in its environment.
ENVIRONMENT = ("packaging", "pip", "platformdirs", "setuptools", "wheel", "zc.buildout")


class Program(NamedTuple):
    """A program that is tried on demand."""

    name: str
    version: str
    #: The interpreter that it runs on.
    python: str
    #: For pip: itself and what must stand beside it.
    requirements: tuple[str, ...]


def _programs(text: str) -> tuple[Program, ...]:
    found = []
    for word in text.split():
        requirements, _, python = word.partition("@")
        name, _, version = requirements.partition(",")[0].partition("==")
        interpreter = shutil.which(python or sys.executable) or python
        found.append(Program(name, version, interpreter, tuple(requirements.split(","))))
    return tuple(found)


PROGRAMS = _programs(os.environ.get("PYPIMIRROR_PROGRAMS", ""))


def pins(generation: str = "6") -> dict[str, str]:
    """Give the versions by name, as versions.cfg has them, for one generation of zc.buildout."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CHECKOUT / "versions.cfg", encoding="utf-8")
    return {**parser["versions"], **BUILDOUTS[generation]}


def exactly(names: tuple[str, ...], generation: str) -> list[str]:
    """Give requirements that pip understands."""
    versions = pins(generation)
    return [f"{name}=={versions[name]}" for name in names]


def contents() -> list[list[str]]:
    """Give the sets of requirements that the wheelhouse holds, each without contradictions."""
    generations = tuple(dict.fromkeys(("6", "5", *GENERATIONS)))
    names = tuple(dict.fromkeys((*PRODUCT, *ENVIRONMENT, "zc.recipe.egg")))
    return [exactly(("uv",), "6"), [EASY_INSTALL], exactly(BACKENDS, "6"),
            *(exactly(names, generation) for generation in generations),
            *([f"{name}=={version}" for name, version in INDEXES[index].items()] for index in CHOSEN_INDEXES)]


def is_filled() -> bool:
    """Whether everything that belongs into it was put there."""
    there = _noted()
    return all(wanted in there for wanted in (*contents(), *map(_note, PROGRAMS)))


def _note(program: Program) -> list[str]:
    return [*program.requirements, program.python]


def _noted() -> list[list[str]]:
    """Give the sets of requirements that were put there for this Python."""
    note = FOLDER / _NOTE
    return json.loads(note.read_text(encoding="utf-8")) if note.is_file() else []


def fill() -> None:
    """Get what is missing. Raises CalledProcessError where pip fails."""
    if is_filled():
        return
    print(f"Getting the wheels that the tests install from into {FOLDER}", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    there = _noted()
    for requirements in contents():
        if requirements not in there:
            subprocess.run([sys.executable, "-m", "pip", "download", "-qq", "--only-binary=:all:", "--no-deps",
                            "--disable-pip-version-check", "--dest", str(FOLDER), *requirements], check=True)
            there.append(requirements)
    for program in PROGRAMS:
        if _note(program) not in there:
            _get(program)
            there.append(_note(program))
    (FOLDER / _NOTE).write_text(json.dumps(there, indent=1), encoding="utf-8")


def _get(program: Program) -> None:
    options, requirements = ["--only-binary=:all:"], program.requirements
    if program.name == "pyodide":
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", str(FOLDER), f"pyodide@{program.version}"], check=True)
        # For the Python that is in it.
        options, requirements = [*options, "--no-deps", "--python-version=3.14"], requirements[1:]
    subprocess.run([program.python, "-m", "pip", "download", "-qq", "--disable-pip-version-check", *options,
                    "--dest", str(FOLDER), *requirements], check=True)


if __name__ == "__main__":
    fill()
