"""The tables that make a project's own file use only the mirror: for tools without a setting for the whole machine."""

import json

from zope.interface import implementer

from ..interfaces import IClient
from .files import IndexClient


@implementer(IClient)
class Poetry(IndexClient):
    """Renders a source for the ``pyproject.toml`` of a project of Poetry."""

    filename = "poetry-source.toml"
    title = "Poetry, in pyproject.toml"

    def render(self, index: str) -> str:
        return "\n".join([
            "# For Poetry: to be added to pyproject.toml, in place of other sources; then run: poetry lock",
            "# A primary source replaces PyPI. Build requirements of sdists come from it too. For Poetry 2.",
            "[[tool.poetry.source]]",
            'name = "mirror"',
            f"url = {json.dumps(index)}",
            'priority = "primary"',
            "",
        ])


@implementer(IClient)
class Pdm(IndexClient):
    """Renders ``pdm.toml``."""

    filename = "pdm.toml"
    title = "PDM, in pdm.toml"

    def render(self, index: str) -> str:
        lines = [
            "# For PDM: as pdm.toml in a project, ~/.config/pdm/config.toml or /etc/xdg/pdm/config.toml.",
            "# A [[tool.pdm.source]] in pyproject.toml would still be asked.",
            "[pypi]",
            f"url = {json.dumps(index)}",
        ]
        if index.startswith("http:"):
            # PDM ignores an index that is not https unless its host need not be verified.
            lines.append("verify_ssl = false")
        return "\n".join([*lines, ""])


@implementer(IClient)
class Pixi(IndexClient):
    """Renders options for the manifest of a project of pixi."""

    filename = "pixi-pypi-options.toml"
    title = "pixi, in pixi.toml"

    def render(self, index: str) -> str:
        return "\n".join([
            "# For pixi: to be added to pixi.toml; in pyproject.toml the table is [tool.pixi.pypi-options]. An index-url in",
            "# pixi's own config.toml would only be copied to new projects, by pixi init.",
            "# It is the index of pypi-dependencies. Conda packages come from channels.",
            "[pypi-options]",
            f"index-url = {json.dumps(index)}",
            "",
        ])


@implementer(IClient)
class CondaLock(IndexClient):
    """Renders an environment file of conda-lock that adds an index to another one."""

    filename = "conda-lock-mirror.yml"
    title = "conda-lock, in a second environment file"

    def render(self, index: str) -> str:
        return "\n".join([
            "# For conda-lock: as a second file, conda-lock lock -f environment.yml -f conda-lock-mirror.yml",
            "# It is the index of the packages below pip. Conda packages come from channels.",
            "# conda-lock takes build requirements of sdists from PyPI, whatever is written here.",
            "dependencies: []",
            "pip-repositories:",
            f"  - {json.dumps(index)}",
            "allow-pypi-requests: false",
            "",
        ])
