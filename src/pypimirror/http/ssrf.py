"""SSRF guard: a public host may not lead to a private one.

A mirror often reaches more than what is public. A public host must not make it request what is not: the machine itself, its
network, or the metadata service of a cloud. Links and redirects are checked by name before anything is requested (``check``),
and each connection by the address of its peer before anything is sent (``check_peer``): a name may mean another address then.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from ..errors import FetchError
from .hosts import normalize_host, origin
from .urls import strip_credentials

#: Hosts that a public host led to, or that are public: no connection to them may end at a private address.
_guarded: set[str] = set()
#: Networks of IPv6 addresses whose last four bytes are one of IPv4: NAT64 (RFC 6052, RFC 8215), IPv4-compatible (RFC 4291).
_EMBEDDING = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
#: The middle of ISATAP's addresses (RFC 5214), whose last four bytes are one of IPv4, too.
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of a host; none if it has no known ones."""
    try:
        return tuple(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError):
        return ()


@lru_cache(4096)
def _known(host: str) -> tuple[str, ...]:
    """Return the addresses of a host in normal form, looked up once a run."""
    return addresses(host)


def forget() -> None:
    """Forget what is known of hosts."""
    _guarded.clear()
    _known.cache_clear()


def is_public_source(host: str) -> bool:
    """Whether any address of a host is public. One without addresses counts as public: it may be known to a proxy alone."""
    found = _known(_normal(host))
    return not found or any(map(is_global, found))


def is_public_target(host: str) -> bool:
    """Whether all addresses of a host are public. Nothing but a proxy reaches one without addresses."""
    return all(map(is_global, _known(_normal(host))))


def check(source: str, target: str) -> None:
    """Raise FetchError if one URL leads to another one, by a link or redirect, from a public host to a private one.

    source: a URL without a host, as that of a directory, may lead anywhere.
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
    # An index that the configuration names may have a private address besides; it leads to itself.
    if to != by and not is_public_target(to.host):
        raise FetchError(strip_credentials(target), f"refused: public host {by.host} leads to a private address")
    if to != by or is_public_target(to.host):
        _guarded.add(to.host)


def check_peer(host: str, address: str) -> None:
    """Raise FetchError if a connection to a guarded host ends at a private address, whatever its name meant before."""
    if _guarded and _normal(host) in _guarded and not is_global(address):
        raise FetchError(host, f"refused: a public host, connected at the private address {address}")


def is_global(text: str) -> bool:
    """Whether an address can be reached from everywhere; of one that stands for an IPv4 address, whether that can."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


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
