"""The site of Apache 2.4."""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from ...interfaces import ICertificateSite
from .address import SiteAddress
from .site import CONTENT_POLICY, HSTS, Certificate, CertificateSite


@implementer(ICertificateSite)
class Apache(CertificateSite):
    """Renders a site for Apache 2.4."""

    filename = "apache.conf"
    header = ("Header set", "")
    http_template = """
<VirtualHost {listen}>
    ServerName {host}
    Alias "{challenges}" "{folder}{challenges}"
    <Directory "{folder}{challenges}">
        Require all granted
        AllowOverride None
        Options None
        ForceType text/plain
    </Directory>
    RewriteEngine On
    RewriteRule "^{challenges}" - [END]
    RewriteRule "^(?:{paths})\\z" "https://{name}%{{REQUEST_URI}}" [R=301,QSD,END]
    RewriteRule ^ - [R=404,END]
</VirtualHost>
"""

    def values(self, common: Mapping[str, str], address: SiteAddress, certificate: Certificate | None) -> dict[str, str]:
        name, root = address.bracketed_host, common["ROOT"]
        listen = ""
        # Debian's ports.conf listens on the standard ports, and Apache refuses to listen twice.
        if not address.on_well_known_port:
            listen = f"Listen {name}:{address.port}\n" if address.is_ip_address else f"Listen {address.port}\n"
        return {
            "MODULES": "rewrite headers" + (" ssl http2" if certificate else ""),
            "LISTEN": listen + (self.http_site(address) if address.redirects_http else ""),
            "ADDRESS": _interface(address),
            "ORIGIN": f"{address.scheme}://{name}" + ("" if address.on_standard_port else f":{address.port}"),
            "MAPPING": f'Alias "{address.path}" "{root}"' if address.path else f'DocumentRoot "{root}"',
            "TLS": (f'    SSLEngine on\n    SSLCertificateFile "{certificate.certificate}"\n'
                    f'    SSLCertificateKeyFile "{certificate.key}"\n    Protocols h2 http/1.1\n' if certificate else ""),
            "SECURE": f'        Header set Strict-Transport-Security "{HSTS}"' if certificate else "",
            "POLICY": f'            Header set Content-Security-Policy "{CONTENT_POLICY}"' if certificate else "",
        }

    def listen_at_80(self, address: SiteAddress) -> str:
        return f"{_interface(address)}:80"


def _interface(address: SiteAddress) -> str:
    """Return the IP address to listen on, or ``*`` for a host name."""
    return address.bracketed_host if address.is_ip_address else "*"
