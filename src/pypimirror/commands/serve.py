"""``serve``: an index server."""

from __future__ import annotations

import argparse
import os

from ..errors import ConfigurationError, MirrorError
from ..interfaces import IClient
from ..serve.landing_page import Figures
from ..serve.missing_projects import FILENAME
from ..settings.index_settings import has_final_files
from ..settings.reader import in_directory
from ..settings.values import Settings
from ..state.database import State
from ..state.meta_keys import LAST_GOOD
from ..zcml.plugins import components, read, with_plugin_keys
from ..zcml.registry import create_all


def run(config: str, arguments: argparse.Namespace) -> int:
    """Serve the mirror until interrupted."""
    from ..serve.server import run as serve

    settings = read(config)
    if not in_directory(settings["mirror_file_path"]):
        raise ConfigurationError(f"mirror_file_path = {settings['mirror_file_path']}: serve needs a directory; "
                                 "an object store is its own web server")
    metrics = settings["metrics_filename"] or None
    if arguments.monitoring and metrics is None:
        raise ConfigurationError("serve --monitoring: /metrics sends the file of metrics_filename, which is not set")
    port = 8080 if arguments.port is None else arguments.port
    return serve(settings["mirror_file_path"], arguments.host or "127.0.0.1", port, base_url=settings["base_url"],
                 figures=lambda: _read_figures(settings), missed=os.path.join(settings["state_path"], FILENAME),
                 final_files=has_final_files(settings), clients=_create_clients(settings),
                 metrics=metrics if arguments.monitoring else None,
                 advisories=settings["state_path"] if settings["advisories"] else None, cross_origin=settings["cross_origin"])


def _create_clients(settings: Settings) -> dict[str, IClient]:
    """Return the clients by name, for the landing page."""
    settings = with_plugin_keys(settings)
    return create_all(components(settings), (settings,), IClient)


def _read_figures(settings: Settings) -> Figures | None:
    """Return figures from the state; None if it can't be read, as by another user."""
    state = State(settings["state_path"])
    try:
        if not state.open_to_read():
            return None
        totals, checked = state.totals(), state.fact(LAST_GOOD)
    except MirrorError:
        return None
    finally:
        state.close()
    return Figures(totals.files, totals.bytes, float(checked) if checked else None)
