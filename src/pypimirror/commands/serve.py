"""``serve``: an index server."""

from __future__ import annotations

import argparse

from ..settings.reader import read


def run(config: str, arguments: argparse.Namespace) -> int:
    """Serve the mirror until interrupted."""
    from ..serve.server import run as serve

    settings = read(config)
    port = 8080 if arguments.port is None else arguments.port
    return serve(settings["mirror_file_path"], arguments.host or "127.0.0.1", port)
