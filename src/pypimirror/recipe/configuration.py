"""Renders the configuration file of the part's script."""

import os
from collections.abc import Iterable, Mapping

from ..settings import converters
from .options import OptionKey

_HEAD = """\
# Written by buildout from the part [{part}]; changes made here are lost. Buildout's own file is the place for them.
[pypimirror]
"""


def render(part: str, keys: Iterable[OptionKey], texts: Mapping[str, str], relative_to: tuple[str, str] | None = None) -> str:
    """Return the text of the configuration file.

    keys: all known keys in order. texts: by option name, from ``options.collect_texts``. relative_to: the buildout's directory
    and that of the file; paths in the former become relative to the latter.
    """
    lines = []
    base = texts.get("relative-to")
    for key in keys:
        text = texts.get(key.option)
        if text is None:
            continue
        if relative_to and key.kind in (converters.path, *converters.PATH_LISTS, converters.file, converters.zcml):
            buildout, folder = relative_to
            start = folder if base is None or key.option == "relative-to" else base
            text = "\n".join(_path_below_base(path, buildout, start) for path in text.split("\n"))
        lines.append(f"{key.key} =" + "".join(f"\n    {line}" for line in _split_lines(text)) if "\n" in text
                     else f"{key.key} = {text}")
    return _HEAD.format(part=part) + "\n".join(lines) + "\n"


def _split_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _path_below_base(path: str, buildout: str, folder: str) -> str:
    inside = path == buildout or path.startswith(os.path.join(buildout, ""))
    return os.path.relpath(path, folder) if inside else path
