"""What an answer tells about a page or a file: its name, its size, and by what to ask whether it is still the same."""

from __future__ import annotations

from email.message import Message

from ..http.dates import seconds
from ..model import Head, Stored
from .links import belongs, last_part

_ETAG, _DATE = "etag ", "date "
#: Characters; what is longer is no validator to remember.
_LONGEST = 500
#: Seconds; what was changed no longer ago may change again in the second that its validators tell.
_YOUNG = 2


def etag(head: Head) -> str | None:
    """Give the ETag by which to ask for a page again, or None.

    Web servers make those of files from their time, in seconds, and their length: that of a page that had just changed
    may be that of the next change, too (RFC 9110, 8.8.1).
    """
    value = head.headers.get("etag")
    if value is not None and "last-modified" in head.headers:
        modified, answered = seconds(head.headers["last-modified"]), seconds(head.headers.get("date", ""))
        if modified is not None and answered is not None and answered - modified < _YOUNG:
            return None
    return value


def validator(head: Head) -> str | None:
    """Give the validator of an answer: its ETag, weak or strong, else its Last-Modified.

    None if it has neither (RFC 9110, 8.8).
    """
    for header, kind in (("etag", _ETAG), ("last-modified", _DATE)):
        value = head.headers.get(header, "").strip().removeprefix("W/")
        if value and len(value) <= _LONGEST:
            return kind + value
    return None


def size(head: Head) -> int | None:
    """Give the size in bytes of the file that an answer would bring, or None."""
    length = head.headers.get("content-length", "")
    if head.headers.get("content-encoding", "identity") != "identity" or not (length.isascii() and length.isdigit()):
        return None
    return int(length) if len(length) < 19 else None


def conditions(stored: Stored | None) -> dict[str, str]:
    """Give the request headers that ask for a file only if it is no longer the one that is stored."""
    known = stored.validator if stored is not None else None
    if known is None:
        return {}
    if known.startswith(_ETAG):
        return {"If-None-Match": known.removeprefix(_ETAG)}
    return {"If-Modified-Since": known.removeprefix(_DATE)}


def sent_name(head: Head, project: str) -> str | None:
    """Give the name of a file of the project that an answer tells: the last URL's, else that in its Content-Disposition."""
    message = Message()
    message["Content-Disposition"] = " ".join(head.headers.get("content-disposition", "").split())
    disposed = (message.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    return next((name for name in (last_part(head.url), disposed) if belongs(name, project)), None)
