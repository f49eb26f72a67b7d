"""Hosts and origins of URLs in one normal form, which every fetcher and every comparison uses."""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import unquote

#: The ports that schemes imply.
PORTS = {"http": 80, "https": 443}
#: Scheme and authority of a URL. Browsers and some libraries take a backslash for a slash; here it is not allowed.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\\s]*)(?=[/?#]|$)")
_AUTHORITY = re.compile(r"(?:[^@\[\]]*@)?(\[[^\[\]@]*\]|[^\[\]@:]*)(?::([0-9]{0,5}))?")
_DOTS = re.compile(r"[.\u3002\uff0e\uff61]")
#: A host name after IDNA. Host names may not have underscores, but names in DNS do.
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
#: The zone of an IPv6 address (RFC 6874), unescaped.
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")
#: Spellings that inet_aton accepts as IPv4 addresses: up to four parts, decimal, octal or hexadecimal.
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}")


class Origin(NamedTuple):
    """An origin (RFC 6454) in normal form."""

    scheme: str
    host: str
    port: int


@lru_cache(4096)
def normalize_host(text: str) -> str:
    """Return the normal form of a host: lower case, IDNA, no brackets, no trailing dot, addresses as ``ipaddress`` writes them.

    IPv4-mapped IPv6 addresses become IPv4 addresses; zones are kept. Raises ValueError for an invalid host.
    """
    host = text.strip()
    if ":" in host:
        # Not unquoted: a zone such as ``%eth0`` is not an escape.
        return _ipv6(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    host = unquote(host)
    host = _DOTS.sub(".", host).lower()
    if not host.isascii():
        import idna  # a dependency of requests; few hosts need it

        try:
            host = idna.encode(host.rstrip("."), uts46=True).decode().lower()
        except idna.IDNAError as error:
            raise ValueError(f"no host name: {error}") from error
    host = host.rstrip(".")
    if _NUMBERS.fullmatch(host):
        try:
            return str(IPv4Address(socket.inet_aton(host)))
        except OSError as error:
            raise ValueError("no IPv4 address") from error
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise ValueError("no host name")
    return host


def _ipv6(host: str) -> str:
    address, percent, zone = host.partition("%")
    found = IPv6Address(address)
    if percent and not _ZONE.fullmatch(zone):
        raise ValueError("no zone of an IPv6 address")
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    while zone.startswith("25") and len(zone) > 2:  # a percent sign that was escaped once or more
        zone = zone[2:]
    return f"{found}%{zone}" if zone else str(found)


def origin(url: str) -> Origin | None:
    """Return the origin of a URL, or None for one without a host, such as a ``file:`` URL or a path.

    Stricter than the fetchers' URL parsers, so that all of them agree on the URLs that it accepts. Raises ValueError.
    """
    found = _URL.match(url)
    if found is None:
        if re.match(r"https?:", url.strip(), re.IGNORECASE) or ("\\" in url.partition("?")[0] and "//" in url):
            raise ValueError("not a URL")
        return None
    scheme, authority = found[1].lower(), found[2]
    if scheme == "file":
        return None
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or not parts[1]:
        raise ValueError("no host")
    port = int(parts[2]) if parts[2] else PORTS.get(scheme, 0)
    if port > 65535:
        raise ValueError("no port")
    return Origin(scheme, normalize_host(parts[1]), port)


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs have the same origin; False if one is malformed."""
    try:
        found = origin(one)
        return found is not None and found == origin(other)
    except ValueError:
        return False
