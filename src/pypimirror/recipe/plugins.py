"""Plugins of the part: reads their keys, and renders the file for ``zcml-additional``."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zc.buildout import UserError

from ..http.configured_url import hidden
from ..settings.converters import NAMED
from .options import OptionKey

_ASK = "import sys; sys.path[:0] = {path!r}; from pypimirror.zcml.plugin_keys import main; main()"
_CONFIGURE = """\
<configure
    xmlns="http://namespaces.zope.org/zope"
    xmlns:zcml="http://namespaces.zope.org/zcml"
    xmlns:pypimirror="http://namespaces.zope.org/pypimirror">

{text}

</configure>
"""


def additional(text: str) -> str:
    """Return a ZCML file for the text of ``zcml-additional``, which is wrapped in ``configure`` unless it has that element."""
    text = text.strip()
    return f"{text}\n" if "<configure" in text else _CONFIGURE.format(text=text)


def keys(part: str, dists: Iterable[Any], environment: Iterable[tuple[str, str]], zcml: Sequence[str],
         options: Mapping[str, str], folder: str) -> tuple[OptionKey, ...]:
    """Return the keys of plugins, after a check of the options with their names.

    dists: the script's distributions. environment: variables that it sets. zcml: plugins in addition to installed ones.
    folder: the buildout's directory. Raises UserError if the plugins can't be loaded or a value is invalid.
    """
    texts = {name.replace("-", "_"): text.strip() for name, text in options.items()}
    done = subprocess.run(
        [sys.executable, "-c", _ASK.format(path=[dist.location for dist in dists])],
        input=json.dumps({"zcml": list(zcml), "texts": texts, "folder": folder}), env={**os.environ, **dict(environment)},
        capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"[{part}] the plugins can't be loaded:\n{done.stderr}")
    answer = json.loads(done.stdout)
    if "failed" in answer:
        raise UserError(f"[{part}] {answer['failed']}")
    for key, expected in answer["wrong"].items():
        raise UserError(f"[{part}] {key.replace('_', '-')} = {hidden(texts[key])}: must be {expected}")
    return tuple(OptionKey(key.replace("_", "-"), key, NAMED.get(kind, _own)) for key, kind in answer["kinds"].items())


def _own(text: str, folder: str) -> str:
    """Return the text; it was checked by the plugin's own converter before."""
    return text
