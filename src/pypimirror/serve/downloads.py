"""Downloads of distribution files in access logs of Apache and nginx."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from ..names import distribution, is_distribution, normalize
from .missing_projects import log_lines, log_time

#: A GET request that was answered with the file, or a part of it; common or combined format. Names of users may contain spaces,
#: and clients that take the server for a proxy send whole URLs (RFC 9112, section 3.2.2).
_LINE = re.compile(rb'^(\S{1,255}) \S+ (\S.{0,254}?) \[([^\]]{1,40})\] "GET (?:https?://[^/\s]*)?(\S+) HTTP/[\d.]+" 20[06] ')


class Download(NamedTuple):
    """One request for a distribution file."""

    host: str
    #: Of HTTP authentication; empty without one.
    user: str
    #: Normalised.
    project: str
    filename: str
    #: Seconds since 1970.
    when: float


def downloads(filename: str, below: str = "") -> Iterator[Download]:
    """Yield the downloads in an access log, decompressed if it ends in ``.gz``; other lines are ignored.

    below: the base path of the index. Raises ConfigurationError if the file can't be read.
    """
    for line in log_lines(filename):
        found = _LINE.match(line)
        if found is None:
            continue
        path = unquote(found[4].decode("latin-1").partition("?")[0], errors="replace")
        when = log_time(found[3].decode("latin-1"))
        parts = path[len(below):].strip("/").split("/") if path.startswith(f"{below}/") else []
        if len(parts) < 2 or when is None or not is_distribution(parts[-1]) or distribution(parts[-1]) != parts[-1]:
            continue
        user = found[2].decode("latin-1")
        yield Download(found[1].decode("latin-1"), "" if user == "-" else user, normalize(parts[-2]), parts[-1], when)
