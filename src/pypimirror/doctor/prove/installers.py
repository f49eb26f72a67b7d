"""Installs a deployment by its own tool, in the version that it pins."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from ...metadata.filenames import pep440
from ...pins.file_kinds import LOCK, PYPROJECT, REQUIREMENTS
from ..deployment import BUILDOUT, INDEX, UV, Deployment
from .workshop import StepFailed, Workshop

#: Generated folders and files, which are not copied.
_GENERATED = ("bin", "parts", "eggs", "develop-eggs", "var", ".installed.cfg", ".mr.developer.cfg", ".venv", "venv", ".tox",
              "node_modules", "__pycache__", "*.egg-info")


#: Unpacks the pip that Python has for ensurepip, whose own installation compiles every module.
_UNPACK_PIP = """\
import ensurepip, glob, os, sysconfig, zipfile
folders = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), getattr(ensurepip, "_WHEEL_PKG_DIR", None)]
wheels = [wheel for folder in folders if folder for wheel in glob.glob(os.path.join(folder, "pip-*.whl"))]
zipfile.ZipFile(wheels[0]).extractall(sysconfig.get_path("purelib"))
"""


class ProofEnvironment:
    """A virtual environment."""

    def __init__(self, workshop: Workshop, python: str):
        self.workshop = workshop
        self.folder = os.path.join(workshop.folder, "environment")
        workshop.run(python, "-m", "venv", "--without-pip", self.folder)
        self.python = os.path.join(self.folder, "bin", "python")
        #: By tool.
        self.versions = {"Python": self._python_output("--version").removeprefix("Python ")}
        workshop.run(self.python, "-c", _UNPACK_PIP)

    def run_pip(self, *arguments: str, folder: str | None = None) -> None:
        self.workshop.run(self.python, "-m", "pip", *arguments, folder=folder)

    def install_tools(self, deployment: Deployment, *names: str) -> None:
        """Install tools in the versions that the deployment pins; those that it does not pin stay as they are."""
        pinned = [f"{name}=={version}" for name in names if (version := newest_pin(deployment, name))]
        if pinned:
            self.run_pip("install", *pinned)

    def version_of(self, name: str) -> str:
        """Return the version of an installed distribution."""
        return self._python_output("-c", f"import importlib.metadata as m; print(m.version({name!r}))")

    def _python_output(self, *arguments: str) -> str:
        """Run Python with these arguments; return what it prints."""
        return self.workshop.run(self.python, *arguments).output.strip()


def install(workshop: Workshop, deployment: Deployment, python: str, files: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Install a deployment; return the versions of the tools that did it. Raises StepFailed.

    files: names and versions to install of a file that no tool installs, such as a versions.cfg without parts.
    """
    environment = ProofEnvironment(workshop, python)
    environment.install_tools(deployment, "pip")
    environment.versions["pip"] = environment.version_of("pip")
    _choose_installer(deployment)(environment, deployment, files)
    return environment.versions


def _choose_installer(deployment: Deployment) -> Callable[[ProofEnvironment, Deployment, Iterable[tuple[str, str]]], None]:
    """Return the function that installs a deployment as its tool does."""
    if deployment.installs_pins:
        return _install_listed
    if deployment.tool == BUILDOUT:
        return _install_by_buildout
    if deployment.tool == UV:
        return _install_by_uv
    return {REQUIREMENTS: _install_requirements, LOCK: _install_requirements, PYPROJECT: _install_project}.get(
        deployment.kind, _install_listed)


def _install_requirements(environment: ProofEnvironment, deployment: Deployment, files: object) -> None:
    """Install a requirements file or a lock by pip."""
    environment.install_tools(deployment, "setuptools", "wheel")
    source = deployment.source
    if deployment.locals:
        source = os.path.join(copy_folder(environment.workshop, os.path.dirname(source)), os.path.basename(source))
    folder = os.path.dirname(source) if os.path.isfile(source) else None
    environment.run_pip("install", "-r", source, folder=folder)
    environment.run_pip("check")


def _install_project(environment: ProofEnvironment, deployment: Deployment, files: object) -> None:
    """Install a project from a copy of its source by pip."""
    environment.run_pip("install", copy_folder(environment.workshop, deployment.source))
    environment.run_pip("check")


def _install_listed(environment: ProofEnvironment, deployment: Deployment, files: Iterable[tuple[str, str]]) -> None:
    """Install the releases of a list in one call of pip, without requirements, since pins may contradict each other."""
    path = os.path.join(environment.workshop.folder, "requirements.txt")
    with open(path, "w", encoding="utf-8") as stream:
        stream.writelines(f"{name}=={version}\n" for name, version in dict(files).items())
    environment.run_pip("install", "--no-deps", "--target", os.path.join(environment.workshop.folder, "target"), "-r", path)


def _install_by_uv(environment: ProofEnvironment, deployment: Deployment, files: object) -> None:
    """Install a project and its lock by uv, in a copy of its folder."""
    program = _find_uv(environment, deployment)
    folder = copy_folder(environment.workshop, os.path.dirname(deployment.source))
    environment.versions["uv"] = environment.workshop.run(program, "--version").output.split()[1]
    environment.workshop.run(program, "sync", "--frozen", "--python", environment.python, folder=folder)


def _find_uv(environment: ProofEnvironment, deployment: Deployment) -> str:
    """Return the path of uv: of the pinned version, else of the one of this host, else of the newest."""
    program = shutil.which("uv")
    if newest_pin(deployment, "uv") or program is None:
        environment.run_pip("install", f"uv=={newest_pin(deployment, 'uv')}" if newest_pin(deployment, "uv") else "uv")
        return os.path.join(environment.folder, "bin", "uv")
    return program


def _install_by_buildout(environment: ProofEnvironment, deployment: Deployment, files: object) -> None:
    """Run buildout in a copy of its folder."""
    if urlsplit(deployment.source).scheme in ("http", "https"):
        raise StepFailed(f"{deployment.source}: buildout runs in a folder; copy the file into one")
    if newest_pin(deployment, "zc.buildout"):
        environment.install_tools(deployment, "zc.buildout", "setuptools", "wheel")
    else:
        environment.run_pip("install", "zc.buildout")
    environment.versions["zc.buildout"] = environment.version_of("zc.buildout")
    folder = copy_folder(environment.workshop, os.path.dirname(deployment.source))
    options = [f"buildout:directory={folder}"]
    if not any(place.kind == INDEX for place in deployment.places):
        options.append(f"buildout:index={environment.workshop.index}")
    program = os.path.join(environment.folder, "bin", "buildout")
    environment.workshop.run(program, "-c", deployment.source, *options, folder=folder)


def newest_pin(deployment: Deployment, name: str) -> str:
    """Return the newest version that a deployment pins of a project, or an empty text."""
    versions = [version for text in deployment.pinned(name.replace(".", "-")) if (version := pep440(text)) is not None]
    return str(max(versions)) if versions else ""


def copy_folder(workshop: Workshop, folder: str) -> str:
    """Copy a folder of a project without what was generated in it; return the copy."""
    target = os.path.join(workshop.folder, "copy")
    shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(*_GENERATED))
    return target


