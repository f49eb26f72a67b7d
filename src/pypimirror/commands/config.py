"""``config``: the effective settings and components, each with where it came from."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill
from typing import Any

from .. import older_distributions
from ..http import fetcher_settings
from ..interfaces import IFilter
from ..report.safe_stream import print_whole
from ..secret import printable
from ..settings.keys import KEYS, ISetting, Key
from ..settings.quantities import FetchLimit
from ..settings.reader import read_plugin_names
from ..settings.text_file import TextFile
from ..zcml.plugins import load_keys, read
from ..zcml.registry import names

_INTRODUCTION = """\
# Configuration of a mirror: pypimirror THIS-FILE sync
# A relative path starts at the folder of this file.
# Lists take one item a line or several, separated by blanks. A line that starts with # is a comment.
"""
#: The keys that the example sets; the others are comments with their defaults.
_SET = {"mirror_file_path": "mirror", "package_matches": "\n    iniconfig\n    zc.lockfile"}


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print settings and components, or with ``--example`` a commented configuration file."""
    if arguments.example:
        print_whole(_render_example(load_keys(read_plugin_names(config)).keys))
        return 0
    from ..mirror import Mirror

    mirror = Mirror(read(config))
    if not arguments.quiet:
        _print_effective(mirror)
    for warning in older_distributions.warnings():
        print(f"pypimirror: {warning}", file=sys.stderr)
    mirror.check()  # after the output, which helps to understand an error
    return 0


def _print_effective(mirror: Any) -> None:
    """Print all settings, those of the fetcher, the components, and the order of filters."""
    settings = mirror.settings
    more = settings.additions.affects if settings.additions else ()
    for name in (*(key.name for key in KEYS), *sorted(more)):
        print_whole(f"{name} = {_format_value(settings[name])}    # {settings.origin(name)}\n")
    print()
    for line in fetcher_settings.describe(settings, mirror.limiter.fetcher, full=True):
        print(line)
    print()
    for line in _component_lines(mirror.registry):
        print(line)
    print(f"\nfilters, in order: {', '.join(settings['filters'] or names(mirror.registry, IFilter))}")
    sys.stdout.flush()


def _component_lines(filled: Any) -> Iterator[str]:
    """Yield a line about each registered component, with its place."""
    from ..zcml.registry import origin_of, place_of, registrations

    lines = []
    for one in registrations(filled):
        kind = "Subscriber" if one.provided is None else re.sub("^I(?=[A-Z])", "", one.provided.__name__)
        name = one.name or " ".join(getattr(each, "__name__", "*") for each in getattr(one, "required", ()))
        what = one.component.help if one.provided is ISetting else origin_of(one)
        lines.append((kind, name, f"{kind} {name!r}: {what}    # {place_of(one)}"))
    return (line for _, _, line in sorted(lines))


def _format_value(value: Any) -> str:
    """Return a value in the syntax of the configuration file, without secrets."""
    if value is None:
        return ""
    if isinstance(value, TextFile):
        return _format_value(value.path)
    if isinstance(value, FetchLimit):
        return value.text
    if isinstance(value, tuple):
        return " ".join(_format_value(item) for item in value)
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_format_value(item)}" for key, item in value.items())
    return printable(str(value))


def _render_example(more: Iterable[Key] = ()) -> str:
    """Return a commented configuration file, which is valid as it is. more: the keys of plugins."""
    blocks = [_INTRODUCTION, "[DEFAULT]"]
    group = ""
    for key in (*KEYS, *sorted(more, key=lambda key: key.group)):
        if key.group != group:
            group = key.group
            blocks.append(f"\n# --- {group} ---")
        note = fill(key.help, 100, initial_indent="# ", subsequent_indent="# ")
        if key.name in _SET:
            blocks.append(f"\n{note}\n{key.name} = {_SET[key.name]}".replace("= \n", "=\n"))
        else:
            blocks.append(f"\n{note}\n#{key.name} = {key.default}".rstrip())
    return "\n".join(blocks) + "\n"
