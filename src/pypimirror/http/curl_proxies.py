"""Selects the proxy that libcurl uses for a URL.

libcurl and requests read different environment variables (libcurl ignores ``HTTP_PROXY``), so the proxy is set explicitly.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from ..interfaces import ISettings
from ..secret import reveal
from . import ssrf

#: Default ports of proxies, by scheme (CURLOPT_PROXY(3)).
_PORTS = {"https": 443}


class Proxies:
    """The proxies from the settings or the environment."""

    def __init__(self, settings: ISettings):
        configured = reveal(settings["proxy"] or "")
        # Lower case sorts last and takes precedence, as in urllib; in a CGI script HTTP_PROXY may be a request header.
        found = {name.lower(): value for name, value in sorted(os.environ.items())
                 if name != "HTTP_PROXY" or "REQUEST_METHOD" not in os.environ}
        self._by_scheme = {scheme: configured or found.get(f"{scheme}_proxy") or found.get("all_proxy") or ""
                           for scheme in ("http", "https")}
        #: Addresses of the proxies, and others to which transfers have connected without a proxy.
        self._addresses: set[tuple[str, int]] = set()
        self._others: set[tuple[str, int]] = set()

    def of(self, url: str) -> str:
        """Return the URL of the proxy, or an empty text. libcurl itself applies ``no_proxy``."""
        return self._by_scheme["https" if url[:6].lower() == "https:" else "http"]

    def has(self, address: tuple[Any, ...]) -> bool:
        """Whether a socket's address belongs to a proxy.

        The first connection to an address looks up the proxies' names again, whose addresses may have changed.
        """
        place = str(address[0]), int(address[1])
        if place not in self._addresses and place not in self._others:
            for url in filter(None, set(self._by_scheme.values())):
                try:
                    parts = urlsplit(url if "://" in url else f"http://{url}")
                    port = parts.port or _PORTS.get(parts.scheme, 1080)
                except ValueError:
                    continue  # libcurl reports it
                self._addresses.update((one, port) for one in ssrf.addresses(parts.hostname or ""))
            if place not in self._addresses:
                self._others.add(place)
        return place in self._addresses
