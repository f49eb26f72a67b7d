"""``from-bandersnatch``: converts a configuration file of bandersnatch."""

from __future__ import annotations

import argparse
import sys

from ..bandersnatch import mirror_section, plugins
from ..bandersnatch.conversion import Conversion, read
from ..errors import ConfigurationError


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the configuration, with notes about what has no counterpart."""
    if len(arguments.words) != 1:
        raise ConfigurationError("from-bandersnatch takes one FILE, the configuration of bandersnatch")
    [filename] = arguments.words
    options = read(filename)
    if "mirror" not in options:
        raise ConfigurationError(f"{filename}: no section [mirror]; is it a configuration of bandersnatch?")
    found = Conversion(filename, options)
    mirror_section.convert(found)
    plugins.convert(found)
    for section, name in found.unknown():
        found.note(f"[{section}] {name}", "is unknown")
    print(found.render(), end="")
    if found.notes and not arguments.quiet:
        print(f"pypimirror: {len(found.notes)} settings have no exact counterpart; see the notes at the end", file=sys.stderr)
    return 0
