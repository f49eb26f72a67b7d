"""``serve``: an index server."""

from __future__ import annotations

import argparse

from ..settings.reader import read


def run(config: str, arguments: argparse.Namespace) -> int:
    """Serve the mirror until interrupted."""
    from ..serve import server

    settings = read(config)
    server.run(settings["mirror_file_path"], arguments.host or "127.0.0.1", 8080 if arguments.port is None else arguments.port)
    return 0
