"""``webserver``: a complete site configuration for this mirror."""

from __future__ import annotations

import argparse

from ..errors import ConfigurationError
from ..serve.site_config import SERVERS, site
from ..settings.reader import nearest
from ..zcml.plugins import read


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the site configuration for a web server."""
    (name, *more) = arguments.words or [""]
    if name not in SERVERS or more:
        raise ConfigurationError(f"webserver takes one of {', '.join(SERVERS)}, not {' '.join(arguments.words)!r}"
                                 f"{nearest(name, SERVERS)}")
    print(site(name, read(config)), end="")
    return 0
