"""Converts simple regular expressions to shell globs."""

from __future__ import annotations

import re

#: A group of literal alternatives, a set, a wildcard, an escaped character, or literal text.
_PARTS = re.compile(r"\((?:\?:)?([\w.\\|-]+)\)|(\[[\w-]+\])|(\.\*|\.\+|\.|\\d)|\\([^\w\s])|([\w :,/'&-]+)", re.ASCII)
_WILDCARDS = {".*": "*", ".+": "?*", ".": "?", r"\d": "[0-9]"}
_MOST = 50


def globs(pattern: str, search: bool = False) -> list[str] | None:
    """Return globs that match the same texts as a regular expression from the start of a text; None without such globs.

    search: whether the expression may match anywhere.
    """
    at, end = 1 if pattern.startswith("^") else 0, len(pattern)
    anchored = end > at and pattern.endswith("$") and not pattern.endswith("\\$")
    found = ["*" if search and not at else ""]
    end -= anchored
    while at < end:
        match = _PARTS.match(pattern, at, end)
        if match is None or pattern[match.end():match.end() + 1] in ("*", "+", "?", "{"):
            return None
        found = [f"{start}{part}" for start in found for part in _alternatives(match)]
        if len(found) > _MOST:
            return None
        at = match.end()
    return found if anchored else [f"{one}*".replace("**", "*") for one in found]


def _alternatives(match: re.Match[str]) -> list[str]:
    """Return the globs of one part of a regular expression: several for a group of literal alternatives."""
    group, charset, wildcard, escaped, literal = match.groups()
    if group is not None:
        return [re.sub(r"\\(.)", r"\1", one).replace(".", "?" if "\\." not in group else ".") for one in group.split("|")]
    return [charset or (_WILDCARDS[wildcard] if wildcard else escaped or literal)]
