"""Messages about connections that fail: the cause, and what to check. The same for every fetcher."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from ..interfaces import ISettings
from . import tls
from .configured_url import hidden
from .urls import host_of, strip_credentials

_PORTS = {"http": 80, "https": 443}
#: The keys with URLs.
_KEYS = ("index_url", "versions", "requirements")
#: Decorations of OpenSSL's and libcurl's reasons.
_DECORATED = (r"(?:SSL certificate problem|SSL certificate OpenSSL verify result|certificate verify failed): "
              r"|\[SSL[^\]]*\] | \((?:_ssl\.c:)?\d+\)")


class UsedProxy(NamedTuple):
    """The proxy for a URL."""

    url: str
    #: The key or the variable of the environment.
    origin: str


def unknown_host(url: str, settings: ISettings) -> str:
    """Return the message about a host name without an address."""
    proxy = used_proxy(url, settings)
    if proxy is not None:
        return f"the proxy's host {_host(proxy.url)} has no address; check {proxy.origin} and this machine's DNS"
    return (f"the host {_host(url)} has no address; check {_key_hint(url, settings)}this machine's DNS, and whether a proxy is "
            "needed")


def no_connection(url: str, why: str, settings: ISettings) -> str:
    """Return the message about a host that can't be connected to. why: the system's reason."""
    proxy = used_proxy(url, settings)
    if proxy is not None:
        return f"{why} by the proxy at {_place(proxy.url)}; check {proxy.origin}" if _is_refusal(why) else (
            f"no connection to the proxy at {_place(proxy.url)}: {why}; check {proxy.origin}")
    failed = f"{why} by {_place(url)}" if _is_refusal(why) else f"no connection to {_place(url)}: {why}"
    return f"{failed}; check {_key_hint(url, settings)}the port, a firewall, and whether a proxy is needed"


def untrusted(reason: str, settings: ISettings) -> str:
    """Return the message about a certificate that is not trusted."""
    why = " ".join(re.sub(_DECORATED, "", reason).split())
    return (f"certificate verify failed: {why}; if the server is right, add its authority to ca_bundle "
            f"(now {tls.bundle(settings)}, from {tls.bundle_origin(settings)})")


def with_proxy(url: str, why: str, settings: ISettings) -> str:
    """Return the reason of a failed request; with the proxy, if it used one. why: the reason."""
    proxy = used_proxy(url, settings)
    return why if proxy is None else f"{why} (through the proxy {strip_credentials(proxy.url)}, from {proxy.origin})"


def used_proxy(url: str, settings: ISettings) -> UsedProxy | None:
    """Return the proxy for a URL, without its password, or None. Only for messages."""
    from urllib.request import proxy_bypass  # only failures need it

    if proxy_bypass(host_of(url).rpartition("@")[2]):
        return None
    if settings["proxy"]:
        return UsedProxy(hidden(str(settings["proxy"])), "proxy")
    scheme = url.partition(":")[0].lower()
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        value = os.environ.get(name)
        if value and not (name == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
            return UsedProxy(hidden(value), name)
    return None


def _is_refusal(why: str) -> bool:
    return why == os.strerror(errno.ECONNREFUSED)


def _key_hint(url: str, settings: ISettings) -> str:
    """Return the key with the URL of the host, for the middle of a hint: ``index_url, ``; empty if no key names the host."""
    host = _host(url)
    return next((f"{key}, " for key in _KEYS if host in _hosts(settings, key)), "")


def _hosts(settings: ISettings, key: str) -> Iterator[str]:
    return (_host(str(value)) for value in settings[key] or () if "://" in str(value))


def _host(url: str) -> str:
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or "?"
    except ValueError:
        return "?"


def _place(url: str) -> str:
    """Return host and port."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port or _PORTS.get(parts.scheme, 1080)
    except ValueError:
        port = 0
    return f"{_host(url)} port {port}"
