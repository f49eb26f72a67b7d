"""``client``: a client's configuration for this mirror."""

from __future__ import annotations

import argparse

from ..clients.files import index_url
from ..interfaces import IClient
from ..zcml.plugins import read
from .component import selected, show


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the configuration for a client."""
    client, settings = selected(read(config), "client", arguments.words, IClient)
    return show(settings, client, index_url(settings))
