"""The site of nginx."""

from __future__ import annotations

import string
from collections.abc import Mapping

from zope.interface import implementer

from ...interfaces import ICertificateSite
from .address import SiteAddress
from .site import CONTENT_POLICY, HSTS, Certificate, CertificateSite

#: nginx has no loops. Each round replaces this number of occurrences of each capital letter and of runs of separators, and
#: there are this many rounds. nginx fails with 500 after ten rewrites, two of which are needed for a missing slash.
_AT_ONCE = 8
_ROUNDS = 7


@implementer(ICertificateSite)
class Nginx(CertificateSite):
    """Renders a site for nginx."""

    filename = "nginx.conf"
    header = ("add_header", ";")
    http_template = """
server {{
{listen}    server_name {name};
    location ^~ {challenges} {{
        root "{folder}";
        default_type text/plain;
        try_files $uri =404;
    }}
    location ~ "^(?:{paths})\\z" {{
        return 301 https://{name}$uri;
    }}
    location / {{
        return 404;
    }}
}}
"""

    def values(self, common: Mapping[str, str], address: SiteAddress, certificate: Certificate | None) -> dict[str, str]:
        secure = " ssl http2" if certificate else ""
        prefix = common["PREFIX"]
        start = f"^((?:{prefix}{common['SIMPLE']}|{prefix}/pypi(?=/[^/]+/json$)|/\\.slash)/(?!\\.)[^/]*"
        letters = [f'        rewrite "{start}?){_occurrences(letter, many)}([^/]*(?:/.*)?)$" {_rewrite(letter.lower(), many)};'
                   for letter in string.ascii_uppercase for many in (_AT_ONCE, 1)]
        separator = f'        rewrite "{start}?)(?:[-_.]*[_.][-_.]*|--+)([^/]*(?:/.*)?)$" $1-$2;'
        return {
            "LISTEN": self.http_site(address) if address.redirects_http else "",
            "ADDRESSES": "\n".join(f"    listen {interface}{address.port}{secure};" for interface in _interfaces(address)),
            "HOST": address.bracketed_host,
            "TLS": (f'    ssl_certificate "{certificate.certificate}";\n    ssl_certificate_key "{certificate.key}";\n'
                    "    # From nginx 1.25.1 on, http2 in listen causes a warning; earlier versions know no other way.\n"
                    if certificate else ""),
            "SECURE": f'        add_header Strict-Transport-Security "{HSTS}";' if certificate else "",
            "POLICY": f'        add_header Content-Security-Policy "{CONTENT_POLICY}";' if certificate else "",
            "LETTERS": "\n".join(letters),
            "SEPARATORS": "\n".join([separator] * _AT_ONCE),
            "ROUNDS": str(_ROUNDS),
            "LAST": "x" * _ROUNDS,
        }

    def listen_at_80(self, address: SiteAddress) -> str:
        return "".join(f"    listen {interface}80;\n" for interface in _interfaces(address))


def _interfaces(address: SiteAddress) -> list[str]:
    """Return what precedes a port in ``listen``: the IP address of the site, or IPv4 and IPv6 for a host name."""
    return [f"{address.bracketed_host}:"] if address.is_ip_address else ["", "[::]:"]


def _occurrences(letter: str, count: int) -> str:
    """Return a pattern that matches a letter ``count`` times and captures the text in between; nginx has nine captures."""
    return f"([^/{letter}]*)".join([letter] * count)


def _rewrite(letter: str, count: int) -> str:
    """Return the replacement for what ``_occurrences`` matches after one more capture, with this letter."""
    return "".join(f"${number}{letter}" for number in range(1, count + 1)) + f"${count + 1}"
