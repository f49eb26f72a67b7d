"""A subprocess that reads the keys and components of plugins, which the recipe's own process can't import, and checks keys.

Request and response are JSON on standard input and output.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError
from ..settings import converters
from ..settings.converters import NAMED
from ..settings.keys import Key
from ..tracebacks import summary
from . import registry
from .plugins import load_keys
from .validation import dotted_name


def describe_keys(zcml: Sequence[str], texts: Mapping[str, str], folder: str) -> dict[str, Any]:
    """Return the keys that the plugins declare, and the errors in texts.

    zcml: plugins in addition to installed ones. texts: by key. folder: the base of relative paths in them.
    Returns ``kinds``, by key the name of its converter, empty for one of the plugin; ``wrong``, by key what is wrong with its
    value; ``relative``, whether the value of a key depends on the folder; and ``components``, see
    ``registry.components_by_key``; or only ``failed``, a message.
    """
    try:
        asked = load_keys(zcml)
        components = registry.components_by_key(asked.registry or registry.load())
    except ConfigurationError as error:
        return {"failed": str(error)}
    names = {kind: name for name, kind in NAMED.items()}
    wrong = {}
    for key in asked.keys:
        try:
            if texts.get(key.name):
                key.kind(texts[key.name], folder)
        except ValueError as error:
            wrong[key.name] = f"must be {error}"
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            wrong[key.name] = f"can't be read by {dotted_name(key.kind)}: {summary(error)}"
    return {"kinds": {key.name: names.get(key.kind, "") for key in asked.keys}, "wrong": wrong,
            "relative": any(_depends_on_folder(key, texts.get(key.name), folder) for key in asked.keys),
            "components": components}


def _depends_on_folder(key: Key, text: str | None, folder: str) -> bool:
    """Return whether a key's value depends on the folder, other than that of a path, which the recipe makes absolute."""
    if text and key.kind in (converters.path, *converters.PATH_LISTS, converters.file):
        return False
    text = text or key.default
    try:
        return bool(text) and key.kind(text, folder) != key.kind(text, os.path.join(folder, "other"))
    except KeyboardInterrupt:
        raise
    except BaseException:  # such as for a file that is only in one of them
        return True


def respond(answer: Callable[..., dict[str, Any]]) -> None:
    """Read one request from standard input, and write the answer to standard output; prints of plugins go to standard error."""
    output, sys.stdout = sys.stdout, sys.stderr
    json.dump(answer(**json.load(sys.stdin)), output)


def main() -> None:
    """Answer one request."""
    respond(describe_keys)
