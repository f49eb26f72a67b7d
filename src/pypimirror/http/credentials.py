"""Credentials by origin: those of configured URLs, and those that netrc has for their hosts.

No other origin is sent any. A request to another port, scheme or host, a file on another host and a redirect get none.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

from ..errors import FetchError
from ..secret import SecretURL
from .hosts import Origin, normalize_host, origin

_NETRC = ("~/.netrc", "~/_netrc")


class _Configured(NamedTuple):
    path: str
    #: With user and password, percent-encoded, where it has any.
    authority: str


class Credentials:
    """The credentials of configured URLs."""

    def __init__(self, urls: Iterable[str]):
        """urls: with user and password where they have any. netrc counts for the origins of those that have none."""
        self._by_origin: dict[Origin, list[_Configured]] = {}
        self._netrc: dict[str, str] | None = None
        for url in urls:
            try:
                place = origin(url)
            except ValueError:
                continue  # whoever requests it reports it
            if place is not None:
                parts = urlsplit(url)
                self._by_origin.setdefault(place, []).append(_Configured(parts.path, parts.netloc))

    def url(self, url: str) -> str:
        """Return the URL with user and password if some are configured for it, else unchanged.

        Of several configured URLs of one origin the one counts whose path has most in common. Raises FetchError.
        """
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
        userinfo = self._of_netrc(place.host, url)
        return SecretURL(url, userinfo).reveal() if userinfo else url

    def _of_netrc(self, host: str, url: str) -> str:
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
    """Return an http or https URL without user and password, and these, percent-encoded; an empty text for none."""
    scheme, separator, rest = url.partition("://")
    end = next((place for place, character in enumerate(rest) if character in "/?#"), len(rest))
    userinfo, at, _ = rest[:end].rpartition("@")
    return (f"{scheme}{separator}{rest[len(userinfo) + 1:]}", userinfo) if at else (url, "")


def netrc_path() -> str | None:
    """Return the path of the user's netrc file, or None."""
    places = [os.environ["NETRC"]] if os.environ.get("NETRC") else map(os.path.expanduser, _NETRC)
    return next(filter(os.path.exists, places), None)


def _read_netrc() -> dict[str, str]:
    """Return user and password, percent-encoded, by host in normal form; that of ``default`` by an empty text.

    Raises ValueError, without quoting the file.
    """
    path = netrc_path()
    if path is None:
        return {}
    import netrc  # not loaded where there is none

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
    """Return how many parts two paths have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one.split("/"), other.split("/"), strict=False)))
