"""The component that an argument of the command line names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..clients.part import render_component
from ..errors import ConfigurationError
from ..report.safe_stream import print_whole
from ..settings.reader import nearest
from ..settings.values import Settings
from ..zcml import registry
from ..zcml.plugins import components, with_plugin_keys


def select_component(settings: Settings, verb: str, words: Sequence[str], interface: Any) -> tuple[Any, Settings]:
    """Return the component that the only argument names, and the settings. Raises ConfigurationError for another argument."""
    settings = with_plugin_keys(settings)
    registered = components(settings)
    names = registry.names(registered, interface)
    name = words[0] if words else ""
    if name not in names or len(words) > 1:
        raise ConfigurationError(f"{verb} takes one of {', '.join(names)}, not {' '.join(words)!r}"
                                 f"{nearest(name, names) if len(words) == 1 else ''}")
    return registry.chosen(registered, (settings,), interface, name, verb), settings


def show(settings: Settings, component: Any, *arguments: str) -> int:
    """Print what a component renders; return the exit status."""
    print_whole(render_component(components(settings), component, *arguments))
    return 0
