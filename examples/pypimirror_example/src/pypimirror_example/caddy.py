"""A site for Caddy, which serves HTML pages: ``pypimirror CONFIG webserver caddy``."""

from zope.interface import implementer

from pypimirror.errors import ConfigurationError
from pypimirror.interfaces import ISettings, IWebServer


@implementer(IWebServer)
class Caddy:
    """Renders a ``Caddyfile``."""

    filename = "Caddyfile"

    def __init__(self, settings: ISettings):
        self._root, self._address = settings["mirror_file_path"], settings["base_url"]

    def render(self) -> str:
        if not self._address or not set(' "{}').isdisjoint(self._root):
            raise ConfigurationError("caddy needs a base_url, and a mirror_file_path without blanks, quotes and braces")
        return f"{self._address} {{\n    root * {self._root}\n    file_server {{\n        hide .pypimirror\n    }}\n}}\n"
