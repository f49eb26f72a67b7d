"""``config``: the effective settings and components, each with where it came from."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from typing import Any

from ..http import proxy_settings
from ..interfaces import IFilter
from ..settings.display import shown_value
from ..settings.example import example
from ..settings.keys import KEYS, ISetting
from ..settings.reader import plugins_of
from ..zcml.plugins import ask, read
from ..zcml.registry import names


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print settings and components, or with ``--example`` a commented configuration file."""
    if arguments.example:
        print(example(ask(plugins_of(config)).keys), end="")
        return 0
    from ..mirror import Mirror

    mirror = Mirror(read(config))
    if not arguments.quiet:
        _show(mirror)
    mirror.check()  # after the output, which helps to understand an error
    return 0


def _show(mirror: Any) -> None:
    settings = mirror.settings
    more = settings.additions.affects if settings.additions else ()
    for name in (*(key.name for key in KEYS), *sorted(more)):
        print(f"{name} = {shown_value(settings[name])}    # {settings.origin(name)}")
    print()
    for line in proxy_settings.describe(settings, mirror.gate.fetcher, full=True):
        print(line)
    print()
    for line in _components(mirror.registry):
        print(line)
    print(f"\nfilters, in order: {', '.join(settings['filters'] or names(mirror.registry, IFilter))}")
    sys.stdout.flush()


def _components(filled: Any) -> Iterator[str]:
    from ..zcml.registry import origin_of, place_of, registrations

    lines = []
    for one in registrations(filled):
        kind = "Subscriber" if one.provided is None else re.sub("^I(?=[A-Z])", "", one.provided.__name__)
        name = one.name or " ".join(getattr(each, "__name__", "*") for each in getattr(one, "required", ()))
        what = one.component.help if one.provided is ISetting else origin_of(one)
        lines.append((kind, name, f"{kind} {name!r}: {what}    # {place_of(one)}"))
    return (line for _, _, line in sorted(lines))
