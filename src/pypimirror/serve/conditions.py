"""Conditional and range requests (RFC 9110 sections 13 and 14)."""

import re
from collections.abc import Mapping

from ..http import dates

_TAG = re.compile(r'(?:W/)?("[^"]*")')
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


def is_unchanged(environ: Mapping[str, str], etag: str, modified: float) -> bool:
    """Return whether the client has the current version, so that the response is 304.

    environ: the WSGI environment. etag: of the current version, quoted. modified: seconds since the epoch.
    """
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None:
        return tags.strip() == "*" or etag in _TAG.findall(tags)
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    return since is not None and _is_not_newer(since, modified)


def byte_range(environ: Mapping[str, str], size: int, etag: str, modified: float) -> tuple[int, int] | None:
    """Return start and end (exclusive) of the requested range, or None to send the whole file.

    Multiple ranges, units other than bytes and ranges of another version (``If-Range``) get the whole file. An end that is not
    greater than the start means that the range can't be satisfied (416).
    """
    match = _RANGE.fullmatch(environ.get("HTTP_RANGE", ""))
    if match is None or not (match[1] or match[2]):
        return None
    condition = environ.get("HTTP_IF_RANGE")
    if condition is not None and condition != etag and not _is_same_time(condition, modified):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None  # an invalid range is ignored (RFC 9110 section 14.2)
    return start, min(size, int(match[2]) + 1) if match[2] else size


def _is_not_newer(date: str, modified: float) -> bool:
    """Return whether a file is not newer than a date of HTTP."""
    seconds = dates.seconds(date)
    return seconds is not None and int(modified) <= seconds


def _is_same_time(date: str, modified: float) -> bool:
    return dates.seconds(date) == int(modified)
