"""Renders a commented example of the configuration file from the table of keys."""

from collections.abc import Iterable
from textwrap import fill

from .keys import KEYS, Key

_INTRODUCTION = """\
# Configuration of a mirror: pypimirror THIS-FILE sync
# Lists take one item a line or several, separated by blanks. A line that starts with # is a comment.
"""
#: The keys that the example sets; the others are comments with their defaults.
_SET = {"mirror_file_path": "/srv/pypi", "package_matches": "\n    zope.*\n    plone.*\n    Products.*\n    collective.*"}


def example(more: Iterable[Key] = ()) -> str:
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
