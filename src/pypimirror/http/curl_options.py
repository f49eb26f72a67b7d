"""Options and errors of libcurl: what every transfer is set to, and what an error code means.

Options: https://curl.se/libcurl/c/curl_easy_setopt.html; errors: https://curl.se/libcurl/c/libcurl-errors.html.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .. import __version__
from ..errors import FetchError
from ..interfaces import ISettings
from . import connection_errors, pace, tls
from .libcurl import pycurl
from .urls import strip_credentials

VERSION, TLS_LIBRARY = pycurl.version_info()[1], pycurl.version_info()[5]
_AGENT = f"z3c.recipe.pypimirror/{__version__} (libcurl/{VERSION})"
#: Bytes of libcurl's receive buffer.
_BLOCK = 1 << 18
#: Transient errors: no host, no connection, a truncated body, a timeout, an empty or invalid response.
_PASSING = frozenset({
    pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_CONNECT, pycurl.E_PARTIAL_FILE,
    pycurl.E_OPERATION_TIMEDOUT, pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_HTTP2,
    pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_UNSUPPORTED_PROTOCOL})
#: CURLE_TOO_LARGE, which pycurl has no name for.
_TOO_LARGE = 100
#: Messages that are clearer than libcurl's, or that it lacks.
_WHY = {pycurl.E_PARTIAL_FILE: "the connection ended in the middle of the body",
        pycurl.E_OPERATION_TIMEDOUT: "timed out, or too slow",
        _TOO_LARGE: "a header is too long"}


def options(settings: ISettings) -> Iterator[tuple[int, Any]]:
    """Yield the options of all transfers; see also ``tls_options``."""
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


def tls_options(settings: ISettings) -> Iterator[tuple[int, Any]]:
    """Yield the options of transfers over TLS."""
    bundle = tls.bundle(settings)
    yield pycurl.CAPATH if os.path.isdir(bundle) else pycurl.CAINFO, bundle
    if certificate := settings["client_cert"]:
        yield pycurl.SSLCERT, certificate[0]
        yield pycurl.SSLKEY, certificate[-1]


def failure(url: str, code: int, message: str, number: int, settings: ISettings) -> FetchError:
    """Return the FetchError for an error of libcurl. number: the system's error of the connection, or 0."""
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        why = connection_errors.untrusted(message, settings)
    elif code in (pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY):
        why = connection_errors.unknown_host(url, settings)
    elif code == pycurl.E_COULDNT_CONNECT:
        why = connection_errors.no_connection(url, os.strerror(number) if number else message, settings)
    else:
        why = connection_errors.with_proxy(url, _WHY.get(code, message) or f"error {code} of libcurl", settings)
    return FetchError(strip_credentials(url), why, transient=code in _PASSING)
