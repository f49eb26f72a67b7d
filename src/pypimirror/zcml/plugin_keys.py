"""Asks plugins about their keys in a process of its own, whose path has them: that of the buildout that makes a part has not.

A question and its answer are JSON on standard input and output.
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
    """Say which keys the plugins declare, and what is wrong about texts.

    zcml: plugins besides those installed. texts: by key; folder: where relative paths in them start.
    Returns ``kinds``, by key the name of its kind or nothing if that is the plugin's own; and ``wrong``, by key what it must
    be; or only ``failed``, a line.
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
    """Answer one question."""
    json.dump(answer(**json.load(sys.stdin)), sys.stdout)
