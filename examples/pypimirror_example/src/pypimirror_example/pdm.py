"""The file with which PDM uses the mirror: ``pypimirror CONFIG client pdm``."""

import json

from zope.interface import implementer

from pypimirror.interfaces import IClient, ISettings


@implementer(IClient)
class Pdm:
    """Renders ``pdm.toml``, the configuration of PDM in a project."""

    filename = "pdm.toml"
    title = "PDM, in pdm.toml"

    def __init__(self, settings: ISettings):
        pass

    def render(self, index: str) -> str:
        return f"# For PDM: as pdm.toml in a project.\n[pypi]\nurl = {json.dumps(index)}\n"
