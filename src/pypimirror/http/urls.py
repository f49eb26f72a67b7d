"""Helpers for URLs: plain ones, their hosts, and their form for messages."""

import re
from urllib.parse import urlsplit, urlunsplit

#: URLs that requests would send as they are: scheme and host, then a path with nothing to be quoted or resolved (RFC 3986).
PLAIN = re.compile(r"(https?://[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63})*(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?)"
                   r"((?!.*/\.)/[\w.~!$&'()*+,;=:@/?-]*(?:%[0-9A-F]{2}[\w.~!$&'()*+,;=:@/?-]*)*)", re.ASCII)
_NO_PORT = re.compile(r"^[^@\[]*:[0-9]*[^0-9@][^@]*$")
#: The beginning of a URL that has a host.
_HOST = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)


def host_of(url: str) -> str:
    """Return the authority of an absolute URL, with user, password and port."""
    found = _HOST.match(url)
    return urlsplit(url).netloc if found is None else found[1]


def simple_url(url: str, place: str = "") -> str:
    """Return the URL of the index for clients: below ``/simple/``, which every server of this program has.

    url: of the mirror, or an empty text. place: ``mirror_file_path``; a bucket has no ``/simple/``.
    """
    if not url or "://" in place or url.rstrip("/").endswith("/simple"):
        return f"{url.rstrip('/')}/" if url else ""
    return f"{url.rstrip('/')}/simple/"


def strip_credentials(url: str) -> str:
    """Return the URL without user name, password and fragment, for logs and messages."""
    if "?" not in url and PLAIN.fullmatch(url):  # nearly all URLs, at a quarter of the cost
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    if _NO_PORT.search(parts.netloc):  # the beginning of a password that contains a slash or number sign
        return "(not a URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
