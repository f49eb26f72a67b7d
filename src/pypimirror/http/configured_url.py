"""URLs in the configuration: separates user and password, and keeps them out of messages."""

from __future__ import annotations

import re
from urllib.parse import quote

from ..secret import MASK, SecretURL, register
from .hosts import normalize_host

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%A-Za-z]+\]|[^\s:@\[\]<>\"|^`{}\\]+)(:\d*)?")
#: What counts as a host although an ``@`` follows in the path: a name with a dot, or this machine's.
_FULL_HOST = re.compile(r"[^:@]*\.[^:@]*|localhost")
#: Schemes whose URLs are of no use without a host.
_WITH_HOST = frozenset({"http://", "https://", "s3://"})
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Characters of user and password that need no escape (RFC 3986, 3.2.1), and the percent sign of escapes.
_USERINFO = "-._~!$&'()*+,;=:%"
_HINT = ("special characters of a user or password have to be percent-encoded, such as %23 for # and %2F for /, "
         "and an @ in a path as %40")
_OPEN_PASSWORD = re.compile(r"(://[^:/?#\s]*:)(?!\d*(?:[/?#\s]|$))\S.*")


def configured_url(text: str) -> str:
    """Return a URL, as a SecretURL where it has a user or password. Raises ValueError, without quoting it.

    User and password may have unescaped special characters if the beginning of the host is unambiguous.
    """
    parts = _URL.fullmatch(text)
    if parts is None or parts[1].lower() == "file://":
        return text
    scheme, authority, rest = parts.groups()
    if not authority and "@" not in rest and scheme.lower() not in _WITH_HOST:
        return text  # of a plugin's source or storage, such as files:///srv/list.txt
    userinfo, at, host = authority.rpartition("@")
    port = _port(host, has_userinfo="@" in text)
    # The end of the host is ambiguous: the rest may be part of a password.
    if "@" in rest and (at or port or rest[0] != "/" or not _FULL_HOST.fullmatch(host)):
        raise ValueError(f"a URL in which it is clear where the host begins; {_HINT}")
    if int(port[1:] or 0) > 65535:
        raise ValueError("a URL with a port up to 65535")
    if not at:
        return text
    return SecretURL(f"{scheme}{host}{rest}", quote(_NO_ESCAPE.sub("%25", userinfo), safe=_USERINFO))


def _port(host: str, has_userinfo: bool) -> str:
    """Return the port of a host, with its colon, or an empty text. Raises ValueError if the host is invalid."""
    found = _HOST.fullmatch(host)
    if found is None:
        raise ValueError(f"a URL with a host, and a port that is a number; {_HINT}" if ":" in host or has_userinfo
                         else "a URL with a host")
    if host.startswith("["):
        _check_address(host.partition("]")[0] + "]")
    return found[1] or ""


def _check_address(host: str) -> None:
    """Raise ValueError unless a host in brackets is an IPv6 address; the parsers of URLs fail on others."""
    try:
        normalize_host(host)
    except ValueError:
        raise ValueError("a URL with an IPv6 address in the brackets") from None


def hidden(text: str) -> str:
    """Return a configured value without user and password, also if it is malformed."""
    return "\n".join(map(_hidden_line, text.split("\n")))


def _hidden_line(line: str) -> str:
    before, at, after = line.rpartition("@")
    if not at or (before.endswith(" ") and after.startswith(" ") and "://" not in before):  # ``name @ URL`` (PEP 508)
        return _OPEN_PASSWORD.sub(rf"\1{MASK}", line)
    scheme, separator, secret = before.partition("://")
    if not separator:
        scheme, secret = "", before
    for word in (secret, *re.split(r"[\s@]+", secret)):
        user, colon, password = word.partition(":")
        register(password if colon else user)
    return f"{scheme}{separator}{MASK}@{after}"
