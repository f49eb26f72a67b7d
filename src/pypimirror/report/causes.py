"""Groups failures by their cause: a host that is down is one line, not one for each project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..model import NOTHING
from ..names import list_first

#: A URL: scheme and host, then its path. Messages about one host differ in the path only.
_URL = re.compile(r"(https?://[^\s/?#:,;]+(?::\d+)?)[^\s,;]*?(?=[:,;.)]*(?:\s|$))")
#: Maximum number of failures with one cause that get a line each, and of names in the line about more of them.
_EACH, _NAMED = 4, 10


def lines_by_cause(failures: Iterable[tuple[str, str]], since: Mapping[str, str] = NOTHING) -> list[str]:
    """Return lines about failures: one for each of a few with the same cause, one for all of many.

    failures: pairs of a project and a message. since: when a project failed first, for the ends of the lines.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for project, message in failures:
        groups.setdefault(cause_of(message), []).append((project, message))
    lines: list[str] = []
    for found, group in groups.items():
        if len(group) <= _EACH:
            lines += (f"{project}: {message}" + (f" (since {since[project]})" if project in since else "")
                      for project, message in group)
        else:
            names = [project for project, _ in group]
            moments = [since[name] for name in names if name in since]
            first = f"; since {min(moments)}" if moments else ""
            lines.append(f"{len(names)} projects: {found} ({list_first(names, _NAMED)}{first})")
    return lines


def cause_of(message: str) -> str:
    """Return a message without the paths of its URLs."""
    return _URL.sub(r"\1", message)
