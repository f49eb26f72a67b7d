"""The site of Caddy 2."""

from __future__ import annotations

import string
from collections.abc import Mapping

from zope.interface import implementer

from ...interfaces import IWebServer
from ...names import PINS
from ..paths import FILE
from .address import SiteAddress
from .site import CONTENT_POLICY, HSTS, Certificate, Site

#: Replacing two dashes by one this often leaves one of any number that a name can have.
_HALVINGS = 8


@implementer(IWebServer)
class Caddy(Site):
    """Renders a site for Caddy 2, which gets certificates without help unless ``tls_certificate`` is set."""

    filename = "caddy.conf"
    header = ("header", "")

    def values(self, common: Mapping[str, str], address: SiteAddress, certificate: Certificate | None) -> dict[str, str]:
        configured = certificate if self.settings["tls_certificate"] or self.settings["tls_key"] else None
        return {
            "ADDRESS": f"{'https' if certificate else 'http'}://{address.bracketed_host}:{address.port}",
            "TLS": f'\ttls "{configured.certificate}" "{configured.key}"' if configured else "",
            "LETTERS": "\n".join(f"\t\t\turi replace {letter} {letter.lower()}" for letter in string.ascii_uppercase),
            "DASHES": "\n".join(["\t\t\turi replace -- -"] * _HALVINGS),
            "PINS": PINS,
            "FILE": FILE,
            "SECURE": f'\t\theader Strict-Transport-Security "{HSTS}"' if certificate else "",
            "POLICY": f'\t\theader @vary Content-Security-Policy "{CONTENT_POLICY}"' if certificate else "",
        }
