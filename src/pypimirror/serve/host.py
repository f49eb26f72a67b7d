"""The base address of absolute links, which a client can't forge."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

#: Host and port of a Host header (RFC 9110 section 7.2); brackets around an IPv6 address.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?")


def index_address(environ: Mapping[str, Any], base_url: str | None) -> str:
    """Return the URL of the index for absolute links, without a trailing slash.

    This is the loopback address of a Host header, for clients on this machine; otherwise ``base_url``; without it, the name
    that the server was started with (``SERVER_NAME`` of the WSGI environment). Other Host headers are ignored, because a
    shared cache may serve the response to one client to all.
    """
    host = environ.get("HTTP_HOST", "")
    if base_url and host.lower() == urlsplit(base_url).netloc.rpartition("@")[2].lower():
        return base_url
    if is_loopback(host):
        return f"{environ['wsgi.url_scheme']}://{host}{environ.get('SCRIPT_NAME', '')}"
    if base_url:
        return base_url
    name = environ["SERVER_NAME"]
    shown = f"[{name}]" if ":" in name else name
    return f"{environ['wsgi.url_scheme']}://{shown}:{environ['SERVER_PORT']}{environ.get('SCRIPT_NAME', '')}"


def is_loopback(host: str) -> bool:
    """Return whether a Host header is a loopback address or ``localhost``."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].lower()
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
