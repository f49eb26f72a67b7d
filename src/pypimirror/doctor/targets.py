"""Finds out what ``doctor`` was given: a file, a folder of a project, or nothing but the mirror's own pins."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable

from ..errors import ConfigurationError
from ..http.urls import strip_credentials
from ..pins.environments import Environment
from ..pins.file_kinds import PYPROJECT, REQUIREMENTS, VERSIONS, kind_of
from ..pins.included_files import Read
from ..pins.model import Pins
from ..pins.requirements_syntax import decode
from ..pins.resolution import RootRequirement
from .buildout_file import read_buildout
from .deployment import PIP, Deployment
from .local_project import is_project_folder, read_local
from .requirements_file import read_requirements_file

_WEB = re.compile(r"https?://", re.IGNORECASE)
#: The files of a project's folder that decide on an installation, as glob patterns.
_FILES = ("buildout.cfg", "uv.lock", "pylock.toml", "pylock.*.toml", "poetry.lock", "pdm.lock", "Pipfile.lock",
          "requirements.txt")
#: Files that configure the build of a project, and are not installed themselves.
_SETUP_FILES = ("setup.py", "setup.cfg")


def find_files(target: str) -> tuple[str, ...]:
    """Return the files to examine: the target itself, or those of a folder. Raises ConfigurationError."""
    if _WEB.match(target):
        return (target,)
    path = os.path.abspath(target)
    if os.path.isfile(path):
        return (path,)
    if not os.path.isdir(path):
        what = "not a regular file" if os.path.exists(path) else "no such file or directory"
        raise ConfigurationError(f"doctor {target}: {what}")
    files = [file for pattern in _FILES for file in sorted(glob.glob(os.path.join(glob.escape(path), pattern)))]
    if files:
        return tuple(files)
    if is_project_folder(path):
        return (path,)
    raise ConfigurationError(f"doctor {target}: the folder has none of {', '.join(_FILES)}, and no pyproject.toml or setup.py")


def read_target(source: str, read: Read, environments: Iterable[Environment]) -> Deployment:
    """Read one file, or a folder with the source of a project. Raises FetchError, InvalidPins."""
    environments = tuple(environments)
    if os.path.isdir(source):
        return _read_project(source, environments)
    if os.path.basename(source) in _SETUP_FILES and not _WEB.match(source):
        return _read_project(os.path.dirname(os.path.abspath(source)), environments)
    content = read(source)
    named = VERSIONS if source.endswith(".cfg") else REQUIREMENTS
    kind = kind_of(decode(content, source), named)

    def reread(name: str) -> bytes:
        return content if name == source else read(name)

    if kind == VERSIONS:
        return read_buildout(source, reread, environments)
    if kind == PYPROJECT and not _WEB.match(source):
        return _read_project(os.path.dirname(os.path.abspath(source)), environments)
    return read_requirements_file(source, kind, reread, environments)


def read_configured(sources: Iterable[str], read: Read, environments: Iterable[Environment]) -> tuple[Deployment, ...]:
    """Return the deployments of the pin files that a mirror has in its configuration."""
    return tuple(read_target(source, read, environments) for source in sources)


def _read_project(folder: str, environments: tuple[Environment, ...]) -> Deployment:
    """Return what ``pip install FOLDER`` installs."""
    local = read_local(folder)
    name = local.name or os.path.basename(folder)
    roots = tuple(RootRequirement(text, name) for text in local.requires)
    return Deployment(strip_credentials(folder), PIP, PYPROJECT, dict.fromkeys(environments, roots),
                      dict.fromkeys(environments, Pins()), places=local.places, locals=(local,))
