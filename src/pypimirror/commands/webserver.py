"""``webserver``: a complete site configuration for this mirror."""

from __future__ import annotations

import argparse

from ..interfaces import IWebServer
from ..zcml.plugins import read
from .component import selected, show


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the site configuration for a web server."""
    server, settings = selected(read(config), "webserver", arguments.words, IWebServer)
    return show(settings, server)
