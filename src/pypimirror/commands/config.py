"""``config``: the effective settings and components, each with where it came from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ..settings.example import example
from ..settings.keys import KEYS
from ..settings.reader import read
from ..settings.shown import shown_value


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print settings and components, or with ``--example`` a commented configuration file."""
    if arguments.example:
        print(example(), end="")
        return 0
    settings = read(config)
    for key in KEYS:
        print(f"{key.name} = {shown_value(settings[key.name])}    # {settings.origin(key.name)}")
    from ..mirror import Mirror

    mirror = Mirror(settings)
    mirror.check()
    print()
    for line in _components(mirror):
        print(line)
    return 0


def _components(mirror: object) -> Iterator[str]:
    registry = mirror.registry  # type: ignore[attr-defined]
    found = [*registry.registeredUtilities(), *registry.registeredAdapters()]
    for one in sorted(found, key=lambda r: (r.provided.__name__, r.name)):
        where = one.info
        print_where = f"{where.file}:{where.line}" if hasattr(where, "file") else str(where)
        yield f"{one.provided.__name__[1:]} {one.name!r}: {one.factory.__module__}.{one.factory.__name__}    # {print_where}"
