"""Credentials by origin: from configured URLs and, for their hosts, from netrc.

Requests to other origins (another scheme, host or port), such as those for files on another host, carry none.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

from ..errors import FetchError
from ..secret import SecretURL
from .hosts import Origin, normalize_host, origin

_NETRC = ("~/.netrc", "~/_netrc")
#: Scheme and authority of a URL without credentials.
_AUTHORITY = re.compile(r"https?://[^/?#@\\\s]+(?=[/?#]|$)")
#: Maximum number of authorities without credentials to remember.
_MOST_BARE = 1000


class _Configured(NamedTuple):
    path: str
    #: Includes the user and password, percent-encoded, if there are any.
    authority: str


class Credentials:
    """The credentials of configured URLs."""

    def __init__(self, urls: Iterable[str]):
        """urls: may include user and password; netrc applies to the origins of URLs without them."""
        self._by_origin: dict[Origin, list[_Configured]] = {}
        self._netrc: dict[str, str] | None = None
        #: Schemes and authorities for whose URLs there are no credentials.
        self._bare: set[str] = set()
        for url in urls:
            try:
                place = origin(url)
            except ValueError:
                continue  # the fetcher reports it
            if place is not None:
                parts = urlsplit(url)
                self._by_origin.setdefault(place, []).append(_Configured(parts.path, parts.netloc))

    def url(self, url: str) -> str:
        """Return the URL with the user and password of its origin, or unchanged if none are configured.

        Of several configured URLs of one origin, the one with the longest common path applies. Raises FetchError.
        """
        found = _AUTHORITY.match(url)
        if found is not None and found[0] in self._bare:
            return url
        keyed = self._with_credentials(url)
        if found is not None and keyed == url:
            if len(self._bare) >= _MOST_BARE:
                self._bare.clear()
            self._bare.add(found[0])
        return keyed

    def _with_credentials(self, url: str) -> str:
        try:
            place = origin(url) if self._by_origin else None
        except ValueError:
            return url  # the fetcher reports it
        configured = self._by_origin.get(place) if place is not None else None
        if place is None or not configured or "@" in urlsplit(url).netloc:
            return url
        parts = urlsplit(url)
        with_userinfo = [one for one in configured if "@" in one.authority]
        if with_userinfo:
            nearest = max(with_userinfo, key=lambda one: _common(one.path, parts.path))
            return urlunsplit(parts._replace(netloc=nearest.authority))
        userinfo = self._netrc_userinfo(place.host, url)
        return SecretURL(url, userinfo).reveal() if userinfo else url

    def _netrc_userinfo(self, host: str, url: str) -> str:
        if self._netrc is None:
            try:
                self._netrc = _read_netrc()
            except ValueError as error:
                raise FetchError(url, f"netrc can't be read: {error}") from None
        return self._netrc.get(host, self._netrc.get("", ""))


def basic(userinfo: str) -> str:
    """Return the value of an Authorization header (RFC 7617). userinfo: percent-encoded, as in a URL."""
    user, _, password = userinfo.partition(":")
    return f"Basic {base64.b64encode(unquote_to_bytes(user) + b':' + unquote_to_bytes(password)).decode()}"


def split_userinfo(url: str) -> tuple[str, str]:
    """Split an http or https URL into the URL without user and password, and these, percent-encoded, or an empty text."""
    scheme, separator, rest = url.partition("://")
    end = next((place for place, character in enumerate(rest) if character in "/?#"), len(rest))
    userinfo, at, _ = rest[:end].rpartition("@")
    return (f"{scheme}{separator}{rest[len(userinfo) + 1:]}", userinfo) if at else (url, "")


def netrc_path() -> str | None:
    """Return the path of the user's netrc file, or None."""
    places = [os.environ["NETRC"]] if os.environ.get("NETRC") else map(os.path.expanduser, _NETRC)
    return next(filter(os.path.exists, places), None)


def _read_netrc() -> dict[str, str]:
    """Return user and password, percent-encoded, by normalized host; the key of ``default`` is an empty text.

    Raises ValueError, without quoting the file.
    """
    path = netrc_path()
    if path is None:
        return {}
    import netrc  # loaded only if the file exists

    try:
        hosts = netrc.netrc(path).hosts
    except netrc.NetrcParseError as error:
        raise ValueError(f"{path}, line {error.lineno}: not in the format of netrc") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeError:
        raise ValueError(f"{path}: not UTF-8 text") from None
    found = {}
    for machine, (login, account, password) in hosts.items():
        try:
            host = "" if machine == "default" else normalize_host(machine)
        except ValueError:
            continue
        user = login or account or ""
        found[host] = f"{quote(user, safe='')}:{quote(password or '', safe='')}"
    return found


def _common(one: str, other: str) -> int:
    """Return the number of leading segments that two paths have in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one.split("/"), other.split("/"), strict=False)))
