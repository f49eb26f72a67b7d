"""Which hosts may be asked on the word of which others.

A mirror often stands where more can be reached than from outside. A public host must not make it ask what is not public:
the machine itself, its network, or the metadata service of a cloud.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from ..errors import FetchError
from .address import PLAIN, bare

#: The hosts that were found to be public, which they have to stay as long as this process is there.
_trusted: set[str] = set()
#: Addresses that stand for those of IPv4 (RFC 6052); the last four bytes say which.
_NAT64 = IPv6Network("64:ff9b::/96")


def addresses(host: str) -> list[str]:
    """Return the addresses of a host, as texts; none if it has no known ones."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


@lru_cache(4096)
def is_public(host: str) -> bool:
    """Whether all addresses of a host are public.

    A host without any counts as public: behind a proxy its name need not be known here, and else nothing will be got from it.
    """
    public = all(map(_is_global, addresses(host)))
    if public:
        _trusted.add(host.strip("[]").lower())
    return public


def confirm(host: str, address: str) -> None:
    """Raise FetchError if a host was found to be public, and now a connection to it leads to an address that is not.

    Who owns a name can have it mean another address each time that it is looked up.
    """
    if host.strip("[]").lower() in _trusted and not _is_global(address.partition("%")[0]):
        raise FetchError(host, f"its address was public and is {address} now")


def check(source: str, target: str) -> None:
    """Raise FetchError if one URL leads to another one, by a link or redirect, from a public host to one that is not.

    source: a URL without a host, as that of a directory, may lead anywhere.
    """
    try:
        host, teller = _host(target), _host(source)
    except ValueError as error:
        raise FetchError(bare(target), "its URL is none") from error
    if host and teller and is_public(teller.strip("[]")) and not is_public(host.strip("[]")):
        raise FetchError(bare(target), f"a host that is not public, and {bare(source)} that leads there is")


def _host(url: str) -> str | None:
    """Give the host that a request for the URL goes to, or None. Raises ValueError."""
    parts = PLAIN.fullmatch(url)
    if parts is not None:
        return parts[1].partition("://")[2].partition(":")[0]
    from urllib3.util import parse_url  # most URLs need it not

    return parse_url(url).host


def _is_global(text: str) -> bool:
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ip_address(address.packed[-4:])  # type: ignore[assignment]
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return address.is_global and not address.is_multicast
