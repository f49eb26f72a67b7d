"""Options and errors of libcurl: what every transfer is set to, and what an error code means.

Options: https://curl.se/libcurl/c/curl_easy_setopt.html; errors: https://curl.se/libcurl/c/libcurl-errors.html.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pycurl

from .. import __version__
from ..errors import FetchError
from ..interfaces import ISettings
from ..secret import reveal
from . import pace, ssrf, tls
from .urls import strip_credentials

VERSION, TLS_LIBRARY = pycurl.version_info()[1], pycurl.version_info()[5]
_AGENT = f"z3c.recipe.pypimirror/{__version__} (libcurl/{VERSION})"
#: Bytes that libcurl reads at once.
_BLOCK = 1 << 18
#: Names in the environment that libcurl looks at (https://everything.curl.dev/usingcurl/proxies/env.html).
_PROXY = re.compile(r"(http|https|all)_proxy|(HTTPS|ALL)_PROXY")
#: Ports of proxies whose URLs have none, by scheme (CURLOPT_PROXY(3)).
_PROXY_PORTS = {"https": 443}
#: Errors that may be others the next time: no host, no connection, a body cut short, too slow, nothing or nonsense sent.
_PASSING = frozenset({
    pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_CONNECT, pycurl.E_PARTIAL_FILE,
    pycurl.E_OPERATION_TIMEDOUT, pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_HTTP2,
    pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_UNSUPPORTED_PROTOCOL})
#: CURLE_TOO_LARGE, which pycurl has no name for.
_TOO_LARGE = 100
#: What people understand better than libcurl's words, or what it has no words for.
_WHY = {pycurl.E_PARTIAL_FILE: "the connection ended in the middle of the body",
        pycurl.E_OPERATION_TIMEDOUT: "timed out, or too slow",
        _TOO_LARGE: "a header is too long"}


def options(settings: ISettings) -> Iterator[tuple[int, Any]]:
    """Yield the options of all transfers."""
    yield pycurl.USERAGENT, _AGENT
    yield pycurl.NOSIGNAL, 1
    yield pycurl.BUFFERSIZE, _BLOCK
    yield pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
    yield pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS
    yield pycurl.SSL_VERIFYPEER, 1
    yield pycurl.SSL_VERIFYHOST, 2
    yield pycurl.OPT_CERTINFO, 1
    yield pycurl.CONNECTTIMEOUT, settings["timeout"]
    yield pycurl.LOW_SPEED_LIMIT, int(pace.BYTES / pace.SECONDS)
    yield pycurl.LOW_SPEED_TIME, settings["timeout"]
    bundle = tls.bundle(settings)
    yield pycurl.CAPATH if os.path.isdir(bundle) else pycurl.CAINFO, bundle
    if certificate := settings["client_cert"]:
        yield pycurl.SSLCERT, certificate[0]
        yield pycurl.SSLKEY, certificate[-1]
    if settings["proxy"]:
        yield pycurl.PROXY, reveal(settings["proxy"])


def failure(url: str, code: int, message: str) -> FetchError:
    """Return the FetchError for an error of libcurl."""
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        message = f"certificate verify failed: {message}"
    return FetchError(strip_credentials(url), _WHY.get(code, message) or f"error {code} of libcurl", transient=code in _PASSING)


def proxies(settings: ISettings) -> Proxies:
    """Return the proxies of the settings and of the environment."""
    found = (value for name, value in os.environ.items() if _PROXY.fullmatch(name))
    return Proxies(filter(None, (reveal(settings["proxy"] or ""), *found)))


class Proxies:
    """The addresses of proxies: a connection to one is not a connection to the host of the URL."""

    def __init__(self, urls: Iterable[str]):
        self._urls = list(urls)
        self._addresses: set[tuple[str, int]] = set()

    def has(self, address: tuple[Any, ...]) -> bool:
        """Whether a socket's address is that of a proxy; their names are looked up again where it was not."""
        if not self._urls:
            return False
        place = str(address[0]), int(address[1])
        if place not in self._addresses:
            for url in self._urls:
                try:
                    parts = urlsplit(url if "://" in url else f"http://{url}")
                    port = parts.port or _PROXY_PORTS.get(parts.scheme, 1080)
                except ValueError:
                    continue  # libcurl reports it
                self._addresses.update((one, port) for one in ssrf.addresses(parts.hostname or ""))
        return place in self._addresses
