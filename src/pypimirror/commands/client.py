"""``client``: a client's configuration for this mirror."""

from __future__ import annotations

import argparse

from ..clients.files import FILENAMES, render
from ..errors import ConfigurationError
from ..settings.reader import nearest
from ..zcml.plugins import read


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the configuration for a client."""
    (name, *more) = arguments.words or [""]
    if name not in FILENAMES or more:
        raise ConfigurationError(f"client takes one of {', '.join(FILENAMES)}, not {' '.join(arguments.words)!r}"
                                 f"{nearest(name, FILENAMES)}")
    print(render(name, read(config)), end="")
    return 0
