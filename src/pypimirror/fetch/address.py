"""URLs as people may see them."""

from urllib.parse import urlsplit, urlunsplit


def bare(url: str) -> str:
    """Give a URL without user name, password and fragment, so that it can stand in a log or a message."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def without_password(text: str) -> str:
    """Give a text; if it is a URL with credentials, without these."""
    return bare(text) if "://" in text and "@" in text else text
