"""Plain requests, by urllib3 alone: a URL and headers, nothing to be looked up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from http.client import RemoteDisconnected
from typing import Any, NamedTuple

import urllib3
from urllib3.exceptions import ProtocolError
from urllib3.util import parse_url

from .. import __version__
from ..interfaces import ISettings
from . import tls
from .connections import POOLS

AGENT = f"z3c.recipe.pypimirror/{__version__} (urllib3/{urllib3.__version__})"
#: Those that requests would send.
_HEADERS = {"User-Agent": AGENT, "Accept": "*/*", "Connection": "keep-alive"}


class Way(NamedTuple):
    """How a thread sends plain requests to one host."""

    pool: urllib3.HTTPConnectionPool
    headers: Mapping[str, str]

    def sent(self, path: str, headers: Mapping[str, str], timeout: float) -> Any:
        """Send a GET; once more if its connection had been used before and turns out to be closed (RFC 9112, 9.3.1)."""
        def send() -> Any:
            return self.pool.urlopen("GET", path, headers={**self.headers, **headers}, redirect=False, retries=False,
                                     timeout=urllib3.Timeout(connect=timeout, read=timeout), preload_content=False,
                                     decode_content=False, assert_same_host=False)

        known = self.pool.num_connections
        try:
            return send()
        except ProtocolError as error:
            if self.pool.num_connections > known or not isinstance(error.args[-1], RemoteDisconnected | ConnectionResetError):
                raise
        return send()


def way(url: str, settings: ISettings) -> Way:
    """Give a new way to a plain URL's host, where the settings alone say how. Raises urllib3's errors."""
    parts = parse_url(url)
    scheme, host = str(parts.scheme), str(parts.host)
    return Way(POOLS[scheme](host, parts.port, **(_certificates(settings) if scheme == "https" else {})), _HEADERS)


def _certificates(settings: ISettings) -> dict[str, Any]:
    """Give a pool's options for TLS: what requests' adapter makes of these settings, and of a bundle in the environment."""
    bundle = tls.bundle(settings)
    options = {"cert_reqs": "CERT_REQUIRED", "ca_cert_dir" if os.path.isdir(bundle) else "ca_certs": bundle}
    certificate = settings["client_cert"]
    return options | dict(zip(("cert_file", "key_file"), certificate, strict=False))
