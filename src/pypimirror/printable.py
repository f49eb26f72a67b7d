"""Makes text printable, short and free of secrets: the one function that foreign text passes on its way to people."""

from __future__ import annotations

from .names import shown
from .secret import redact

#: Characters of one message.
LONGEST = 2000


def printable(text: str, limit: int = LONGEST) -> str:
    """Return the text on one line of printable characters, cut off at the limit, without secrets.

    Control characters, terminal codes, bidirectional overrides, line separators and lone surrogates become escapes.
    """
    if text.isprintable() and len(text) <= limit:
        return redact(text)
    # Cut off first where there is far too much; a secret that the cut would split is still seen whole.
    return shown(redact(text[:2 * limit]), limit)


def printable_values(value: object, limit: int = LONGEST) -> object:
    """Return plain data, as of JSON, with all texts in it printable. Keys of mappings keep their spelling."""
    if isinstance(value, str):
        return printable(value, limit)
    if isinstance(value, dict):
        return {shown(key, limit) if isinstance(key, str) else key: printable_values(item, limit) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_values(item, limit) for item in value]
    return value
