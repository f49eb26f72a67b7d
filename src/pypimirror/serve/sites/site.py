"""What the sites of all web servers share: values of the templates, and filling them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from ...errors import ConfigurationError
from ...http.content_types import CROSS_ORIGIN, INTEGRITY, file_cache, page_cache
from ...index.browse_layout import POLICY
from ...names import HTML_PAGE, JSON_PAGE, PINS, SNAPSHOTS
from ...settings.index_settings import has_final_files
from ..paths import FILE, NAME, REFUSED, SEGMENT
from .address import SiteAddress, parse_address

#: Headers of sites with TLS: browsers use https for a year (RFC 6797), and pages load nothing from elsewhere.
HSTS = "max-age=31536000"
CONTENT_POLICY = f"{POLICY}; frame-ancestors 'none'"
#: The path of an ACME server's requests (RFC 8555, 8.3), with a trailing slash.
CHALLENGES = "/.well-known/acme-challenge/"
_ACME_DIRECTORY = "/var/www/acme"
#: Characters that can't be quoted in every context of all servers' configurations.
_UNQUOTABLE = re.compile(r"[\"'\\$%{}\x00-\x1f\x7f]")

# Regular expressions for all servers. A ``q`` below 1 counts only if no other format has ``q=1``. This approximates RFC 9110
# closely enough for all known clients.
_JSON = r"application/vnd\.pypi\.simple\.(?:v1|latest)\+json"
_FULL = r"\s*(?:,|$|;\s*q=1)"
_PATTERNS = {
    "JSON_FULL": _JSON + _FULL,
    "HTML_FULL": r"(?:text/html|application/vnd\.pypi\.simple\.(?:v1|latest)\+html|\*/\*)" + _FULL,
    "JSON_SOME": _JSON + r"\s*;\s*q=0\.\d*[1-9]",
    # As ``negotiate.is_browser``.
    "BROWSER": r"application/xhtml\+xml",
    # Possessive: a leading ``/simple`` is never a project, although a project may be called ``simple`` too.
    "SIMPLE": "(?:/simple(?=/))?+",
}


class Certificate(NamedTuple):
    """The files of a certificate and of its key."""

    certificate: str
    key: str


class Site:
    """The site of one web server, whose template has the name of its file."""

    filename: str
    #: How the server sets a header: what precedes and what follows it.
    header: tuple[str, str]

    def __init__(self, settings: Mapping[str, Any]):
        """settings: ``mirror_file_path``, ``base_url``, ``tls_certificate``, ``tls_key``, ``index_formats``, ``cross_origin``,
        and those of ``has_final_files``."""
        self.settings = settings

    def render(self) -> str:
        address = parse_address(self.settings["base_url"])
        values = self._common_values(address)
        values.update(self.values(values, address, self._certificate_files(address)))
        text = files(__package__).joinpath(f"{self.filename}.in").read_text(encoding="utf-8")
        if self.settings.get("cross_origin"):
            text = self._for_any_origin(text)
        filled = re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], text)
        return re.sub(r"\n{3,}", "\n\n", filled)

    def values(self, common: Mapping[str, str], address: SiteAddress, certificate: Certificate | None) -> dict[str, str]:
        """Return the values of this server's template. common: those of all servers; certificate: None without TLS."""
        raise NotImplementedError

    def _common_values(self, address: SiteAddress) -> dict[str, str]:
        settings, final = self.settings, has_final_files(self.settings)
        formats = settings.get("index_formats", ())
        prefix = re.escape(address.path)
        return {
            **_PATTERNS,
            "ROOT": quotable("mirror_file_path", settings["mirror_file_path"]),
            "URL": address.url,
            "HOST": address.host,
            "PORT": str(address.port),
            "PATH": address.path,
            "SITE": "pypimirror",
            "NAME": NAME,
            "SNAPSHOTS": SNAPSHOTS,
            "SEGMENT": SEGMENT,
            "REFUSED": REFUSED,
            "PAGE_CACHE": page_cache(final),
            "FILE_CACHE": file_cache(final),
            "INTEGRITY": INTEGRITY,
            # Folders with this page are those of projects; other folders may have an index.html.
            "PROJECT_PAGE": HTML_PAGE if "html" in formats and "json" not in formats else JSON_PAGE,
            "OTHER": rf"(?!{PINS}/|{SNAPSHOTS}/|pypi/[^/]+/json\z)([^/]+)/(?!{FILE}\z).+",
            "PREFIX": prefix,
            "PATHS": f"{prefix}(?:/simple)?(?:/|/{NAME}(?:/{SEGMENT})*/?)",
        }

    def _certificate_files(self, address: SiteAddress) -> Certificate | None:
        if not address.has_tls:
            return None
        folder = f"/etc/letsencrypt/live/{address.host}"
        return Certificate(quotable("tls_certificate", self.settings["tls_certificate"] or f"{folder}/fullchain.pem"),
                           quotable("tls_key", self.settings["tls_key"] or f"{folder}/privkey.pem"))

    def _for_any_origin(self, text: str) -> str:
        """Return the template with the header for web pages of any origin, next to each one that all answers have."""
        before, after = self.header
        name, value = CROSS_ORIGIN
        anchor = re.escape(f"{before} X-Content-Type-Options nosniff{after}")
        return re.sub(rf"([ \t]+){anchor}", rf'\g<0>\n\1{before} {name} "{value}"{after}', text)


class CertificateSite(Site):
    """A site with TLS that has a second one at port 80: challenges of ACME, and redirects from paths of the mirror."""

    #: Template of ``str.format`` of the site at port 80.
    http_template: str

    def render_before_certificate(self) -> str:
        """Return the site for port 80 alone, which needs no certificate. Raises ConfigurationError without TLS."""
        address = parse_address(self.settings["base_url"])
        if not address.redirects_http:
            raise ConfigurationError(
                f"base_url = {address.url!r}: --before-certificate needs one with https and the standard port")
        return (f"# Answers an ACME client's challenges, before there is a certificate. Then: pypimirror webserver without "
                f"--before-certificate.\n{self.http_site(address)}")

    def http_site(self, address: SiteAddress) -> str:
        """Return the site at port 80. Paths that the mirror never has are 404, not a redirect to a 404."""
        path = re.escape(address.path)
        folder = quotable("acme_directory", self.settings.get("acme_directory") or _ACME_DIRECTORY).rstrip("/")
        paths = rf"(?!{path}/(?:robots\.txt|favicon\.ico)\z){path}(?:/simple)?(?:/|/{NAME}(?:/{SEGMENT})*/?)"
        return self.http_template.format(host=address.host, name=address.bracketed_host, challenges=CHALLENGES, folder=folder,
                                         paths=paths, listen=self.listen_at_80(address))

    def listen_at_80(self, address: SiteAddress) -> str:
        """Return how the server's configuration names port 80 of an address."""
        raise NotImplementedError


def quotable(key: str, path: str) -> str:
    """Return a path that can be quoted in any configuration. Raises ConfigurationError, which names the key."""
    if "://" in path:
        raise ConfigurationError(f"{key} = {path!r}: web servers need a directory")
    if _UNQUOTABLE.search(path):
        raise ConfigurationError(f"{key} = {path!r}: has characters that a web server's configuration can't hold")
    return path
