"""Where a site answers: host, port and path of ``base_url``."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ...errors import ConfigurationError

#: Default of ``base_url``.
_LOCALHOST = "http://localhost"
_STANDARD_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")
_IP_ADDRESS = re.compile(r"[0-9.]+|.*:.*")


class SiteAddress(NamedTuple):
    """The parts of ``base_url`` that a web server's configuration needs."""

    url: str
    #: ``http`` or ``https``.
    scheme: str
    #: A host name or an IP address, without brackets.
    host: str
    port: int
    #: As of ``path_of``.
    path: str

    @property
    def bracketed_host(self) -> str:
        """The host as it stands in URLs: IPv6 addresses have brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_ip_address(self) -> bool:
        return _IP_ADDRESS.fullmatch(self.host) is not None

    @property
    def has_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def on_standard_port(self) -> bool:
        """Whether the port is the one of the scheme, which URLs leave out."""
        return self.port == _STANDARD_PORTS[self.scheme]

    @property
    def on_well_known_port(self) -> bool:
        """Whether web servers listen on the port by default: 80 and 443."""
        return self.port in _STANDARD_PORTS.values()

    @property
    def redirects_http(self) -> bool:
        """Whether there is a second site, at port 80, that redirects to this one."""
        return self.has_tls and self.on_standard_port


def parse_address(base_url: str | None) -> SiteAddress:
    """Return the parts of ``base_url``. Raises ConfigurationError."""
    url = base_url or _LOCALHOST
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise ConfigurationError(f"base_url = {url!r}: {host!r} is not a host name")
    try:
        port = parts.port or _STANDARD_PORTS[scheme]
    except ValueError as error:
        raise ConfigurationError(f"base_url = {url!r}: {error}") from error
    return SiteAddress(url, scheme, host, port, path_of(url))


def path_of(url: str) -> str:
    """Return the path of a base URL without a trailing ``/simple``, which the URLs of older mirrors have."""
    path = urlsplit(url).path.rstrip("/").removesuffix("/simple")
    if path and not re.fullmatch(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", path):
        raise ConfigurationError(f"base_url = {url!r}: its path may have only letters, digits, dashes, dots and underscores")
    return path
