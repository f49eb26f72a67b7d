"""A subprocess that reads and checks the keys of plugins, which the recipe's own process can't import.

Request and response are JSON on standard input and output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError
from ..settings.converters import NAMED
from .plugins import ask


def answer(zcml: Sequence[str], texts: Mapping[str, str], folder: str) -> dict[str, Any]:
    """Return the keys that the plugins declare, and the errors in texts.

    zcml: plugins in addition to installed ones. texts: by key. folder: the base of relative paths in them.
    Returns ``kinds``, by key the name of its converter, empty for one of the plugin; and ``wrong``, by key a description of
    valid values; or only ``failed``, a message.
    """
    try:
        keys = ask(zcml).keys
    except ConfigurationError as error:
        return {"failed": str(error)}
    names = {kind: name for name, kind in NAMED.items()}
    wrong = {}
    for key in keys:
        try:
            if texts.get(key.name):
                key.kind(texts[key.name], folder)
        except ValueError as error:
            wrong[key.name] = str(error)
    return {"kinds": {key.name: names.get(key.kind, "") for key in keys}, "wrong": wrong}


def main() -> None:
    """Answer one request."""
    json.dump(answer(**json.load(sys.stdin)), sys.stdout)
