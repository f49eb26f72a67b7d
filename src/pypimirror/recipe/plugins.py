"""Plugins of the part: reads their keys, and renders the file for ``zcml-additional``."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from zc.buildout import UserError

from ..http.configured_url import hidden
from ..settings.converters import NAMED
from .options import OptionKey

_ASK = "import sys; sys.path[:0] = {path!r}; from {module} import main; main()"


class PluginAnswer(NamedTuple):
    """The keys of plugins as options, and the names of all components by key."""

    keys: tuple[OptionKey, ...]
    #: Whether the value of one depends on the folder that relative paths start from.
    relative: bool
    components: Mapping[str, Sequence[str]]


#: On the lines of the text, so that the file's line numbers are those of the option.
_CONFIGURE = ('<configure xmlns="http://namespaces.zope.org/zope" xmlns:zcml="http://namespaces.zope.org/zcml" '
              'xmlns:pypimirror="http://namespaces.zope.org/pypimirror"> {text} </configure>\n')


def wrap_zcml(text: str) -> str:
    """Return a ZCML file for the text of ``zcml-additional``, which is wrapped in ``configure`` unless it has that element."""
    text = text.strip()
    return f"{text}\n" if "<configure" in text else _CONFIGURE.format(text=text)


class Plugins:
    """The plugins of a part, in a subprocess that can import them."""

    def __init__(self, part: str, dists: Iterable[Any], environment: Iterable[tuple[str, str]], additional: str):
        """dists: the script's distributions. environment: variables that it sets.

        additional: the file of ``zcml-additional``, or an empty text.
        """
        self._part = part
        self._additional = additional
        self._path = [dist.location for dist in dists]
        self._environment = {**os.environ, **dict(environment)}

    def load_keys(self, zcml: Sequence[str], options: Mapping[str, str], folder: str) -> PluginAnswer:
        """Return the keys and components of plugins, after a check of the options with the names of keys.

        zcml: plugins in addition to installed ones. folder: the base of relative paths.
        Raises UserError if the plugins can't be loaded or a value is invalid.
        """
        texts = {name.replace("-", "_"): text.strip() for name, text in options.items()}
        answer = self._ask("pypimirror.zcml.plugin_keys", {"zcml": list(zcml), "texts": texts, "folder": folder})
        for key, problem in answer["wrong"].items():
            raise UserError(f"[{self._part}] {key.replace('_', '-')} = {hidden(texts[key])}: {problem}")
        keys = tuple(OptionKey(key.replace("_", "-"), key, NAMED.get(kind, _unchanged))
                     for key, kind in answer["kinds"].items())
        return PluginAnswer(keys, answer["relative"], answer["components"])

    def render_files(self, config: str, servers: Iterable[str]) -> dict[str, str]:
        """Return the files of clients and web servers, by file name. Arguments as for ``client_files.write``."""
        files: dict[str, str] = self._ask("pypimirror.clients.part", {"config": config, "servers": list(servers)})["files"]
        return files

    def _ask(self, module: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a module's ``main``. Raises UserError."""
        done = subprocess.run([sys.executable, "-c", _ASK.format(path=self._path, module=module)], input=json.dumps(request),
                              env=self._environment, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"[{self._part}] the plugins can't be loaded:\n{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        if "failed" in answer:
            failed = answer["failed"].replace(f"{self._additional}:", "zcml-additional, line ") if self._additional else \
                answer["failed"]
            raise UserError(f"[{self._part}] {failed}")
        return answer


def _unchanged(text: str, folder: str) -> str:
    """Return the text; it was checked by the plugin's own converter before."""
    return text
