"""The configuration files with which clients use only the mirror."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from zope.interface import implementer

from ..errors import ConfigurationError
from ..http.urls import simple_url
from ..interfaces import IClient, ISettings
from ..names import PINS
from .confinement import netloc

#: The buildout extension that limits pip to the mirror: the folder ``client`` of the source.
EXTENSION = "pypimirror-client"
_PIP = """\
# For pip: as ~/.config/pip/pip.conf, /etc/pip.conf, pip.conf in a virtual environment, or named by PIP_CONFIG_FILE.
# An extra-index-url or find-links in another of these files or in the environment would still be asked."""
_BUILDOUT = """\
# For zc.buildout: the last one in extends, so that it has the last word. In the buildout itself, write
# extensions += and find-links +=, not =, which would put an end to what stands here.
#
# zc.buildout builds sdists and develop eggs with a pip that always uses PyPI. The extension makes that pip use
# only the mirror. It is installed from the mirror, which must have it.
# That pip reads no configuration files then: certificates and proxies come from PIP_CERT, HTTPS_PROXY and so on."""
_PINS = "# Pins of this mirror, to be named in extends before this file:"


def index_url(settings: Mapping[str, Any]) -> str:
    """Return the URL of the index for clients, with a trailing slash: it ends in ``/simple/``, as clients expect it.

    Buckets, and directories for clients on the same host, have no ``/simple/``.
    settings: of the mirror; uses ``base_url`` or, if it is empty, ``mirror_file_path``.
    Raises ConfigurationError if clients can't reach the mirror.
    """
    place, url = settings["mirror_file_path"], settings["base_url"]
    if url:
        return simple_url(url, place)
    path = PurePosixPath(place)
    if not path.is_absolute():
        raise ConfigurationError(f"mirror_file_path = {place!r}: clients need a base_url for a mirror that is no directory")
    return f"{path.as_uri()}/"


class IndexClient:
    """A client whose file depends on the index only."""

    def __init__(self, settings: ISettings):
        pass


@implementer(IClient)
class Pip(IndexClient):
    """Renders ``pip.conf``."""

    filename = "pip.conf"
    title = "pip, in pip.conf"

    def render(self, index: str) -> str:
        lines = [_PIP, "[global]", f"index-url = {index}"]
        if index.startswith("http:"):
            # pip ignores an index that is not https unless its host is trusted.
            lines.append(f"trusted-host = {netloc(index)}")
        return "\n".join([*lines, ""])


@implementer(IClient)
class Uv(IndexClient):
    """Renders ``uv.toml``."""

    filename = "uv.toml"
    title = "uv, in uv.toml"

    def render(self, index: str) -> str:
        lines = ["# For uv: as ~/.config/uv/uv.toml, /etc/uv/uv.toml, uv.toml in a project, or named by UV_CONFIG_FILE."]
        if index.startswith("http:"):
            lines.append(f"allow-insecure-host = [{json.dumps(netloc(index))}]")
        lines += ["", "[[index]]", 'name = "mirror"', f"url = {json.dumps(index)}", "# Replaces PyPI as the default index.",
                  "default = true", ""]
        return "\n".join(lines)


@implementer(IClient)
class Buildout:
    """Renders ``client.cfg``, to extend from."""

    filename = "client.cfg"
    title = "zc.buildout, in client.cfg, to be extended"

    def __init__(self, settings: ISettings):
        self._pins = [*(settings["versions"] or ()), *(settings["requirements"] or ())]

    def render(self, index: str) -> str:
        return "\n".join([
            _BUILDOUT,
            *self._pin_files(index),
            "[buildout]",
            f"index = {index}",
            "find-links =",
            *([f"allow-hosts = {netloc(index)}"] if netloc(index) else []),
            f"extensions += {EXTENSION}",
            "",
        ])

    def _pin_files(self, index: str) -> list[str]:
        """Return comments with the URLs of the mirror's pins."""
        if not self._pins:
            return []
        from ..pins.pin_files import pin_name  # with packaging, which other files do not need

        names = dict.fromkeys(pin_name(source, ".cfg") for source in self._pins)
        return ["#", _PINS, *(f"#     {index}{PINS}/{name}" for name in names)]
