"""SSRF guard: a public host may not lead to a private one.

A mirror can often reach private hosts: its own machine, its network, or the metadata service of a cloud. A public host must
not make it send requests to them. ``check`` checks the names in links and redirects before a request; ``check_peer`` checks
the peer's address of each connection before data are sent, since a name may resolve to another address by then.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from ..errors import FetchError
from .hosts import normalize_host, origin
from .urls import strip_credentials

#: Public hosts, and hosts that public ones lead to: connections to their private addresses are refused.
_guarded: set[str] = set()
#: IPv6 networks with an IPv4 address in the last four bytes: NAT64 (RFC 6052, RFC 8215), IPv4-compatible (RFC 4291),
#: SIIT (RFC 2765).
_EMBEDDING = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
#: Networks that IANA lists as not globally reachable, and that not all supported versions of ``ipaddress`` know.
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/29", "192.0.0.8/32", "5f00::/16", "3fff::/20", "100:0:0:1::/64")))
#: Bytes 8 to 12 of ISATAP addresses (RFC 5214), which also end with an IPv4 address.
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def addresses(host: str) -> tuple[str, ...]:
    """Resolve a host; return no addresses if this fails."""
    try:
        return tuple(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError):
        return ()


@lru_cache(4096)
def _resolve_host(host: str) -> tuple[str, ...]:
    """Return the addresses of a normalized host, resolved once per run."""
    return addresses(host)


def forget() -> None:
    """Clear guarded hosts and resolved addresses."""
    _guarded.clear()
    _resolve_host.cache_clear()


def is_public_source(host: str) -> bool:
    """Whether any address of a host is public. A host without addresses counts as public: a proxy may resolve it."""
    found = _resolve_host(_normal(host))
    return not found or any(map(is_global, found))


def is_public_target(host: str) -> bool:
    """Whether all addresses of a host are public. True for a host without addresses, which only a proxy can reach."""
    return all(map(is_global, _resolve_host(_normal(host))))


def check(source: str, target: str) -> None:
    """Raise FetchError if a link or redirect leads from a public host to a private one.

    source: a URL without a host, such as that of a directory, may lead anywhere.
    """
    try:
        to = origin(target)
    except ValueError as error:
        raise FetchError(strip_credentials(target), "invalid URL") from error
    try:
        by = origin(source)
    except ValueError as error:
        raise FetchError(strip_credentials(source), "invalid URL") from error
    if by is None or to is None or not is_public_source(by.host):
        return
    if is_public_target(by.host):
        _guarded.add(by.host)
    # A configured index may also have a private address, and may link to itself.
    if to != by and not is_public_target(to.host):
        raise FetchError(strip_credentials(target), f"refused: public host {by.host} leads to a private address")
    if to != by or is_public_target(to.host):
        _guarded.add(to.host)


def check_redirect(source: str, target: str) -> None:
    """Raise FetchError for a redirect that ``check`` refuses, or that leads from HTTPS to HTTP."""
    check(source, target)
    if source.lower().startswith("https:") and not target.lower().startswith("https:"):
        why = f"refused: not secure, redirect from HTTPS ({strip_credentials(source)}) to HTTP"
        raise FetchError(strip_credentials(target), why)


def check_peer(host: str, address: str) -> None:
    """Raise FetchError if the peer of a connection to a guarded host has a private address."""
    if _guarded and _normal(host) in _guarded and not is_global(address):
        raise FetchError(host, f"refused: a public host, connected at the private address {address}")


def is_global(text: str) -> bool:
    """Whether an address is globally reachable; for an IPv6 address with an embedded IPv4 address, whether this one is."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_global(str(inner))
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _SPECIAL)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    found = address.ipv4_mapped or address.sixtofour
    if found is None and (any(address in network for network in _EMBEDDING) or address.packed[8:12] in _ISATAP):
        return IPv4Address(address.packed[-4:])
    return found


def _normal(host: str) -> str:
    try:
        return normalize_host(host)
    except ValueError:
        return host
