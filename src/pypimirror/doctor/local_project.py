"""Reads the requirements of a project's folder without running its code."""

from __future__ import annotations

import configparser
import glob
import os
from collections.abc import Mapping
from typing import Any

from ..metadata.bounded_toml import loads
from ..metadata.core_metadata import fields
from ..metadata.errors import InvalidContent
from ..names import normalize
from ..pins.sdist import read_source
from ..pins.setup_py import literals
from ..regular_file import open_regular
from .deployment import DEPENDENCY_LINK, Local, Place

#: The files that a build reads, below the folder.
_FILES = ("pyproject.toml", "hatch.toml", "setup.cfg", "setup.py", "CMakeLists.txt", "PKG-INFO", "*.egg-info/requires.txt",
          "*/*.egg-info/requires.txt", "*.egg-info/PKG-INFO", "*/*.egg-info/PKG-INFO", "*.egg-info/dependency_links.txt",
          "*/*.egg-info/dependency_links.txt")
_MAX_BYTES = 1 << 20


def is_project_folder(folder: str) -> bool:
    """Return whether a folder holds the source of a distribution."""
    return any(os.path.isfile(os.path.join(folder, name)) for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def read_local(folder: str) -> Local:
    """Return name and requirements of the project in a folder, as far as its files state them."""
    files = _read_files(folder)
    pyproject, setup_cfg = _parse_toml(files.get("pyproject.toml", b"")), _parse_cfg(files.get("setup.cfg", b""))
    project = pyproject.get("project")
    project = project if isinstance(project, dict) else {}
    source = read_source(files, folder)
    name = (project.get("name") or setup_cfg.get(("metadata", "name")) or _name_in_pkg_info(files)
            or _setup_argument(files, "name"))
    requires = [*_texts_in(project.get("dependencies")),
                *_lines_without_comments(setup_cfg.get(("options", "install_requires"), ""))]
    setup_py = files.get("setup.py", b"")
    requires += source.requires if source.requires is not None else literals(setup_py, "install_requires").requires
    places = [Place(DEPENDENCY_LINK, url, path) for path, content in files.items() if path.endswith("dependency_links.txt")
              for url in content.decode("utf-8", "replace").split()]
    places += [Place(DEPENDENCY_LINK, url, os.path.join(folder, "setup.py"))
               for url in literals(setup_py, "dependency_links").requires]
    return Local(normalize(name) if isinstance(name, str) else "", folder, tuple(dict.fromkeys(requires)),
                 source.build_requires, tuple(places))


def _read_files(folder: str) -> dict[str, bytes]:
    """Return the content of the files with metadata, by relative path; unreadable ones are left out."""
    found: dict[str, bytes] = {}
    for pattern in _FILES:
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))[:20]:
            try:
                with open_regular(path) as stream:
                    found[os.path.relpath(path, folder)] = stream.read(_MAX_BYTES)
            except OSError:
                continue  # the build fails on it; --prove shows that
    return found


def _parse_toml(content: bytes) -> Mapping[str, Any]:
    try:
        return loads(content)
    except ValueError:
        return {}  # read_source reports it


def _parse_cfg(content: bytes) -> dict[tuple[str, str], str]:
    """Return the options by section and name; empty if the file is not valid."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(content.decode())
    except (configparser.Error, ValueError):
        return {}
    return {(section, key): value for section in parser.sections() for key, value in parser[section].items()}


def _name_in_pkg_info(files: Mapping[str, bytes]) -> str:
    """Return the name in PKG-INFO, or an empty text."""
    for path, content in files.items():
        if path.endswith("PKG-INFO"):
            try:
                return next(iter(fields(content).get("name", ())), "")
            except InvalidContent:
                continue
    return ""


def _setup_argument(files: Mapping[str, bytes], key: str) -> str:
    """Return the value of an argument in setup.py, if it is one text."""
    found = literals(files.get("setup.py", b""), key).requires
    return found[0] if len(found) == 1 else ""


def _texts_in(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _lines_without_comments(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
