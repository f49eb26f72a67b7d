"""``webserver``: a complete site configuration for this mirror."""

from __future__ import annotations

import argparse

from ..errors import ConfigurationError
from ..interfaces import ICertificateSite, IWebServer
from ..report.safe_stream import print_whole
from ..zcml.plugins import read
from .component import select_component, show


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the site configuration for a web server, or with ``--before-certificate`` the one that answers challenges alone."""
    server, settings = select_component(read(config), "webserver", arguments.words, IWebServer)
    if not arguments.before_certificate:
        return show(settings, server)
    if not ICertificateSite.providedBy(server):
        raise ConfigurationError(f"webserver {arguments.words[0]}: takes no --before-certificate; use the complete site, with "
                                 "which Caddy gets its certificate, or see the documentation of the plugin")
    print_whole(server.render_before_certificate())
    return 0
