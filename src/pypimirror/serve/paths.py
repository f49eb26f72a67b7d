"""The paths that are served: one rule for ``serve`` and for the configurations of other web servers.

Other paths are refused (404) before any lookup, so that no unchecked input reaches a redirect, a header or the disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..names import BESIDE, BROWSE_PAGE, HTML_PAGE, JSON_PAGE, SUFFIXES
from .http_error import HTTPError

#: The first segment below the index: a project in any spelling, or a file in the root. It is safe in a redirect.
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
#: Each further segment: the characters of distribution file names (``pypimirror.names``), up to the limit of file systems.
SEGMENT = "[A-Za-z0-9][A-Za-z0-9._+!~@=, ()-]{0,254}"
#: The names that a project's folder offers: its pages, distribution files and their sidecar files.
FILE = rf"(?:{re.escape(HTML_PAGE)}|{re.escape(JSON_PAGE)}|{re.escape(BROWSE_PAGE)}|[^/]+(?:{{}})(?:{{}})?)".format(
    *("|".join(map(re.escape, suffixes)) for suffixes in (SUFFIXES, BESIDE)))
#: Matches the path before decoding, ignoring case: dot segments and hidden names, encoded or not, encoded slashes, and
#: backslashes. Web servers interpret these differently.
REFUSED = r"^[^?]*(?:/(?:\.|%2e)|%2f|%5c|\x5c)"

_NAME, _SEGMENT = re.compile(NAME), re.compile(SEGMENT)
_REFUSED = re.compile(REFUSED, re.IGNORECASE)
#: Origin form, and absolute form (RFC 9112 section 3.2), without control characters; nothing else is a request for a resource.
_TARGET = re.compile(r"(?:/|https?://)[^\x00-\x20\x7f]*", re.IGNORECASE)


class RequestPath(NamedTuple):
    """A valid path."""

    parts: tuple[str, ...]
    #: Whether it ends in a slash.
    is_folder: bool


def parse_path(environ: Mapping[str, str]) -> RequestPath:
    """Return the path of a request. Empty segments are ignored, as by other web servers.

    environ: the WSGI environment; ``REQUEST_URI``, which waitress sets, is checked if present. Raises HTTPError.
    """
    sent = environ.get("REQUEST_URI")
    if sent is not None:
        if not _TARGET.fullmatch(sent):
            raise HTTPError("400 Bad Request")
        if _REFUSED.match(sent):
            raise HTTPError("404 Not Found")
    path = environ.get("PATH_INFO") or "/"
    parts = tuple(part for part in path.split("/") if part)
    if (parts and not is_possible_name(parts[0])) or not all(map(_SEGMENT.fullmatch, parts[1:])):
        raise HTTPError("404 Not Found")
    return RequestPath(parts, path[-1] == "/")


def is_possible_name(part: str) -> bool:
    """Return whether a segment can be the name of a project or of a file in the root."""
    return _NAME.fullmatch(part) is not None
