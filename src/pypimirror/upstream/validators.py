"""Reads response headers: validators for conditional requests, media type, file name and size."""

from __future__ import annotations

from ..http.dates import seconds
from ..model import Head, Stored
from .links import belongs, last_part

_ETAG, _DATE = "etag ", "date "
#: Maximum length of a validator.
_LONGEST = 500
#: Seconds; validators have a resolution of one second, so a younger page may change without a new ETag.
_YOUNG = 2


def etag(head: Head) -> str | None:
    """Return the ETag of a page for conditional requests, or None.

    Web servers derive ETags from a file's time in seconds and its length, so that the ETag of a page that has just changed
    may stay the same after the next change (RFC 9110, 8.8.1).
    """
    value = head.headers.get("etag")
    if value is not None and "last-modified" in head.headers:
        modified, answered = seconds(head.headers["last-modified"]), seconds(head.headers.get("date", ""))
        if modified is not None and answered is not None and answered - modified < _YOUNG:
            return None
    return value


def validator(head: Head) -> str | None:
    """Return the validator of a response: its ETag, weak or strong, else its Last-Modified, else None (RFC 9110, 8.8)."""
    for header, kind in (("etag", _ETAG), ("last-modified", _DATE)):
        value = head.headers.get(header, "").strip().removeprefix("W/")
        if value and len(value) <= _LONGEST:
            return kind + value
    return None


def media_type(head: Head) -> str:
    """Return the media type of a response in lower case, without parameters; an empty text if it has none."""
    return head.headers.get("content-type", "").partition(";")[0].strip().lower()


def size(head: Head) -> int | None:
    """Return the size in bytes of a response's file, or None."""
    length = head.headers.get("content-length", "")
    if head.headers.get("content-encoding", "identity") != "identity" or not (length.isascii() and length.isdigit()):
        return None
    return int(length) if len(length) < 19 else None


def conditions(stored: Stored | None) -> dict[str, str]:
    """Return the request headers of a conditional request for an external file."""
    known = stored.validator if stored is not None else None
    if known is None:
        return {}
    if known.startswith(_ETAG):
        return {"If-None-Match": known.removeprefix(_ETAG)}
    return {"If-Modified-Since": known.removeprefix(_DATE)}


def sent_name(head: Head, project: str) -> str | None:
    """Return the file name of a response: that of the final URL, or else of Content-Disposition; None if not of the project."""
    from email.message import Message  # few runs need it

    message = Message()
    message["Content-Disposition"] = " ".join(head.headers.get("content-disposition", "").split())
    disposed = (message.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    return next((name for name in (last_part(head.url), disposed) if belongs(name, project)), None)
