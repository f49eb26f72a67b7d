"""The paths that a site answers: one rule for ``serve`` and for the configurations of other web servers.

A path is refused (404) before anything is looked up, so that nothing a client made up reaches a redirect, a header or the disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .http_error import HTTPError

#: The first segment below the index: a project in any spelling, or a file beside the root page. May be copied into a redirect.
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
#: Each further segment: what the names of distribution files hold (``pypimirror.names``), bounded as file systems have it.
SEGMENT = "[A-Za-z0-9][A-Za-z0-9._+!~@=, ()-]{0,254}"
#: Found in the path as it was sent, before decoding and without regard to case: dot segments and hidden names, encoded or not,
#: encoded slashes, and backslashes. Servers differ in what they make of these.
REFUSED = r"^[^?]*(?:/(?:\.|%2e)|%2f|%5c|\x5c)"

_NAME, _SEGMENT = re.compile(NAME), re.compile(SEGMENT)
_REFUSED = re.compile(REFUSED, re.IGNORECASE)
#: Origin form, and absolute form (RFC 9112 section 3.2), without control characters; nothing else is a request for a resource.
_TARGET = re.compile(r"(?:/|https?://)[^\x00-\x20\x7f]*", re.IGNORECASE)


class RequestPath(NamedTuple):
    """A path that passed the rule."""

    parts: tuple[str, ...]
    #: Whether it ends in a slash.
    is_folder: bool


def parse(environ: Mapping[str, str]) -> RequestPath:
    """Return the path of a request. Empty segments count for nothing, as other web servers have it.

    environ: the WSGI environment; ``REQUEST_URI``, which waitress sets, is checked where it is there. Raises HTTPError.
    """
    sent = environ.get("REQUEST_URI")
    if sent is not None:
        if not _TARGET.fullmatch(sent):
            raise HTTPError("400 Bad Request")
        if _REFUSED.match(sent):
            raise HTTPError("404 Not Found")
    path = environ.get("PATH_INFO") or "/"
    parts = tuple(part for part in path.split("/") if part)
    if (parts and not is_name(parts[0])) or not all(map(_SEGMENT.fullmatch, parts[1:])):
        raise HTTPError("404 Not Found")
    return RequestPath(parts, path[-1] == "/")


def is_name(part: str) -> bool:
    """Whether a segment may name a project, or a file beside the root page."""
    return _NAME.fullmatch(part) is not None
