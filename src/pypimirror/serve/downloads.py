"""Downloads of distribution files in access logs of Apache and nginx."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from ..errors import ConfigurationError
from ..names import distribution, is_distribution, normalize
from .missing_projects import parse_log_time, read_log_lines

#: A request; common or combined format, also with the name of the virtual host in front. Names of users may have blanks.
_LINE = re.compile(rb'^(?:\S{1,255}:\d{1,5} )?(\S{1,255}) \S+ (\S.{0,254}?) \[([^\]]{1,40})\] "((?:[^"\\]|\\.)*)" (\d{3}) ')
#: A GET request whose answer with one of these statuses is the file, or a part of it; also in the form for proxies.
_REQUEST = re.compile(rb"GET (?:https?://[^/ ]+)?(/\S*) HTTP/[\d.]+")
_ANSWERED = (b"200", b"206")


class LoggedDownload(NamedTuple):
    """One request for a distribution file."""

    host: str
    #: Of HTTP authentication; empty without one.
    user: str
    #: Normalised.
    project: str
    filename: str
    #: Seconds since 1970.
    when: float


def read_downloads(filename: str, below: str = "") -> Iterator[LoggedDownload]:
    """Yield the downloads in an access log, decompressed if it ends in ``.gz``; other lines are ignored.

    below: the base path of the index. Raises ConfigurationError if the file can't be read, or none of its lines.
    """
    lines = understood = 0
    for line in read_log_lines(filename):
        lines += 1
        found = _LINE.match(line)
        understood += found is not None
        request = _REQUEST.match(found[4]) if found is not None and found[5] in _ANSWERED else None
        if found is None or request is None:
            continue
        path = unquote(request[1].decode("latin-1").partition("?")[0], errors="replace")
        when = parse_log_time(found[3].decode("latin-1"))
        parts = path[len(below):].strip("/").split("/") if path.startswith(f"{below}/") else []
        if len(parts) < 2 or when is None or not is_distribution(parts[-1]) or distribution(parts[-1]) != parts[-1]:
            continue
        user = found[2].decode("latin-1")
        yield LoggedDownload(found[1].decode("latin-1"), "" if user == "-" else user, normalize(parts[-2]), parts[-1], when)
    if lines and not understood:
        raise ConfigurationError(f"{filename}: no line is in the common or combined format of access logs")
