"""Runs Poetry and PDM in a project that has a mirror as its only index; PYPIMIRROR_PROGRAMS names their versions."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from support import clients, program_versions, programs, wheelhouse

_PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10,<4"\ndependencies = []\n'
_LOCKED = re.compile(r'^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"$', re.MULTILINE)


class ProjectTool:
    """A project without requirements."""

    def __init__(self, name: str, index: str, folder: Path):
        """name: ``poetry`` or ``pdm``. index: a URL with a trailing slash."""
        (wanted,) = (one for one in wheelhouse.PROGRAMS if one.name == name)
        self._name = name
        self._program = programs.on_demand(wanted) / name
        self._folder = folder / "project"
        self._folder.mkdir(parents=True)
        self.environ = clients.environment(
            folder / "home", POETRY_VIRTUALENVS_IN_PROJECT="true", POETRY_NO_INTERACTION="1", POETRY_KEYRING_ENABLED="false",
            POETRY_CACHE_DIR=str(folder / "cache"), PDM_CACHE_DIR=str(folder / "cache"), PDM_CHECK_UPDATE="0",
            # Poetry waits five seconds for the first python; a shim of pyenv may take longer on a busy machine.
            PATH=os.pathsep.join([str(self._program.parent), os.environ["PATH"]]))
        own = clients.render(name, index)
        if name == "pdm":
            (self._folder / "pdm.toml").write_text(own)
        text = f"{_PROJECT}[tool.pdm]\ndistribution = false\n" if name == "pdm" else _PROJECT + own
        (self._folder / "pyproject.toml").write_text(text)
        program_versions.note(name, self._run("--version").replace(")", ""))

    def _run(self, *words: str) -> str:
        return clients.run([self._program, *words], self._folder, self.environ)

    def add(self, requirement: str) -> None:
        """Require it, lock and install."""
        self._run("add", requirement)

    def lock(self, requirement: str, *options: str) -> dict[str, str]:
        """Lock a requirement; gives versions by name."""
        project = self._folder / "pyproject.toml"
        project.write_text(project.read_text().replace("dependencies = []", f'dependencies = ["{requirement}"]'))
        self._run("lock", *options)
        return dict(_LOCKED.findall((self._folder / f"{self._name}.lock").read_text()))

    def install(self) -> None:
        """Install what is locked into a new environment."""
        shutil.rmtree(self._folder / ".venv", ignore_errors=True)
        self._run(*(["sync"] if self._name == "pdm" else ["install", "--no-root"]))

    def installed(self) -> dict[str, str]:
        """Give the versions of what was installed, by name."""
        (packages,) = self._folder.glob(".venv/lib/python*/site-packages")
        return {name: version for name, version in clients.installed(packages).items() if name != "pip"}
