"""The site configurations of web servers, rendered from the templates in this folder."""

import re
import string
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from zope.interface import implementer

from ..errors import ConfigurationError
from ..http.content_types import CROSS_ORIGIN, INTEGRITY, file_cache, page_cache
from ..index.browse_layout import POLICY
from ..interfaces import ICertificateSite, IWebServer
from ..names import HTML_PAGE, JSON_PAGE, PINS, SNAPSHOTS
from ..settings.index_settings import has_final_files
from .paths import FILE, NAME, REFUSED, SEGMENT

#: Headers of sites with TLS: browsers use https for a year (RFC 6797), and pages load nothing from elsewhere.
_HSTS = "max-age=31536000"
_POLICY = f"{POLICY}; frame-ancestors 'none'"
#: The path of an ACME server's requests (RFC 8555, 8.3), with a trailing slash.
_ACME_DIRECTORY = "/var/www/acme"
_CHALLENGES = "/.well-known/acme-challenge/"
#: Default of ``base_url``.
_ANYWHERE = "http://localhost"
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
#: Characters that can't be quoted in every context of both servers' configurations.
_UNSPEAKABLE = re.compile(r"[\"'\\$%{}\x00-\x1f\x7f]")

# Regular expressions for both servers. A ``q`` below 1 counts only if no other format has ``q=1``. This approximates RFC 9110
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

#: nginx has no loops. Each round replaces this number of occurrences of each capital letter and of runs of separators, and
#: there are this many rounds. nginx fails with 500 after ten rewrites, two of which are needed for a missing slash.
_AT_ONCE = 8
_ROUNDS = 7


#: Replacing two dashes by one this often leaves one of any number that a name can have.
_HALVINGS = 8


#: The sites at port 80 of sites with TLS. Paths that the mirror never has are 404, not a redirect to a 404.
_APACHE_AT_80 = """
<VirtualHost {address}:80>
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
    RewriteRule "^(?:{paths})\\z" "https://{name}%{{REQUEST_URI}}" [R=301,END]
    RewriteRule ^ - [R=404,END]
</VirtualHost>
"""
_NGINX_AT_80 = """
server {{
{listens}    server_name {host};
    location ^~ {challenges} {{
        root "{folder}";
        default_type text/plain;
        try_files $uri =404;
    }}
    location ~ "^(?:{paths})\\z" {{
        return 301 https://{host}$request_uri;
    }}
    location / {{
        return 404;
    }}
}}
"""


class _WebServer:
    """A web server, whose template is named like its file.

    The site serves host, port and path of ``base_url``, by default localhost.
    """

    filename: str

    def __init__(self, settings: Mapping[str, Any]):
        """settings: ``mirror_file_path``, ``base_url``, ``tls_certificate``, ``tls_key``, ``index_formats``, ``cross_origin``,
        and those of ``has_final_files``."""
        self._settings = settings

    def render(self) -> str:
        settings = self._settings
        url = settings["base_url"] or _ANYWHERE
        final = has_final_files(settings)
        values = {
            **_PATTERNS,
            "ROOT": _path("mirror_file_path", settings["mirror_file_path"]),
            "URL": url,
            "HOST": _host(url),
            "PORT": str(_port(url)),
            "PATH": below(url),
            "SITE": "pypimirror",
            "NAME": NAME,
            "SNAPSHOTS": SNAPSHOTS,
            "SEGMENT": SEGMENT,
            "REFUSED": REFUSED,
            "PAGE_CACHE": page_cache(final),
            "FILE_CACHE": file_cache(final),
            "INTEGRITY": INTEGRITY,
        }
        # Folders with this page are those of projects; other folders may have an index.html.
        formats = settings.get("index_formats", ())
        values["PROJECT_PAGE"] = HTML_PAGE if "html" in formats and "json" not in formats else JSON_PAGE
        values["OTHER"] = rf"(?!{PINS}/|{SNAPSHOTS}/|pypi/[^/]+/json\z)([^/]+)/(?!{FILE}\z).+"
        values["PREFIX"] = re.escape(values["PATH"])
        values["PATHS"] = f"{values['PREFIX']}(?:/simple)?(?:/|/{NAME}(?:/{SEGMENT})*/?)"
        values.update(self._values(values, _tls(settings, url)))
        text = files(__package__).joinpath(f"{self.filename}.in").read_text(encoding="utf-8")
        if settings.get("cross_origin"):
            text = self._for_any_origin(text)
        filled = re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], text)
        return re.sub(r"\n{3,}", "\n\n", filled)

    def _challenges(self) -> str:
        """Return the directory of an ACME client's challenges."""
        return _path("acme_directory", self._settings.get("acme_directory") or _ACME_DIRECTORY).rstrip("/")

    def render_before_certificate(self) -> str:
        """Return the site for port 80 alone, which needs no certificate. Raises ConfigurationError without TLS."""
        url = self._settings["base_url"] or _ANYWHERE
        if urlsplit(url).scheme.lower() != "https" or _port(url) != _PORTS["https"]:
            raise ConfigurationError(f"base_url = {url!r}: --before-certificate needs one with https and the standard port")
        return (f"# Answers an ACME client's challenges, before there is a certificate. Then: pypimirror webserver without "
                f"--before-certificate.\n{self._redirecting_site(_host(url), below(url))}")

    def _redirecting_site(self, host: str, path: str) -> str:
        """Return the site at port 80 of a site with TLS: challenges of ACME, and redirects from paths of the mirror."""
        raise NotImplementedError

    def _for_any_origin(self, text: str) -> str:
        """Return the template with the header for web pages of any origin, next to each one that all answers have."""
        set_header = "{} X-Content-Type-Options nosniff{}".format(*self._header)
        name, value = CROSS_ORIGIN
        line = f'{self._header[0]} {name} "{value}"{self._header[1]}'
        return re.sub(rf"([ \t]+){re.escape(set_header)}", rf"\g<0>\n\1{line}", text)

    #: How the server sets a header: what precedes and what follows it.
    _header: tuple[str, str]

    def _values(self, values: Mapping[str, str], tls: tuple[str, str] | None) -> dict[str, str]:
        """Return the values of this server's template. tls: the files of certificate and key, or None without TLS."""
        raise NotImplementedError


def _tls(settings: Mapping[str, Any], url: str) -> tuple[str, str] | None:
    if urlsplit(url).scheme.lower() != "https":
        return None
    folder = f"/etc/letsencrypt/live/{_host(url)}"
    return (_path("tls_certificate", settings["tls_certificate"] or f"{folder}/fullchain.pem"),
            _path("tls_key", settings["tls_key"] or f"{folder}/privkey.pem"))


@implementer(ICertificateSite)
class Apache(_WebServer):
    """Renders a site for Apache 2.4."""

    filename = "apache.conf"
    _header = ("Header set", "")

    def _values(self, values: Mapping[str, str], tls: tuple[str, str] | None) -> dict[str, str]:
        host, port, path = values["HOST"], values["PORT"], values["PATH"]
        numeric = _ADDRESS.fullmatch(host)
        name = f"[{host}]" if ":" in host else host
        address = name if numeric else "*"
        standard = int(port) in _PORTS.values()
        scheme = "https" if tls else "http"
        # Debian's ports.conf listens on the standard ports, and Apache refuses to listen twice.
        listen = "" if standard else f"Listen {address}:{port}\n" if numeric else f"Listen {port}\n"
        elsewhere = ""
        if tls and port == "443":
            elsewhere = self._redirecting_site(host, path)
        return {
            "MODULES": "rewrite headers" + (" ssl http2" if tls else ""),
            "LISTEN": listen + elsewhere,
            "ADDRESS": address,
            "ORIGIN": f"{scheme}://{name}" + ("" if _PORTS[scheme] == int(port) else f":{port}"),
            "MAPPING": f'Alias "{path}" "{values["ROOT"]}"' if path else f'DocumentRoot "{values["ROOT"]}"',
            "TLS": (f'    SSLEngine on\n    SSLCertificateFile "{tls[0]}"\n    SSLCertificateKeyFile "{tls[1]}"\n'
                    "    Protocols h2 http/1.1\n" if tls else ""),
            "SECURE": f'        Header set Strict-Transport-Security "{_HSTS}"' if tls else "",
            "POLICY": f'            Header set Content-Security-Policy "{_POLICY}"' if tls else "",
        }

    def _redirecting_site(self, host: str, path: str) -> str:
        address = (f"[{host}]" if ":" in host else host) if _ADDRESS.fullmatch(host) else "*"
        name = f"[{host}]" if ":" in host else host
        return _APACHE_AT_80.format(address=address, host=host, name=name, challenges=_CHALLENGES, folder=self._challenges(),
                                    paths=_redirected(path))


@implementer(ICertificateSite)
class Nginx(_WebServer):
    """Renders a site for nginx."""

    filename = "nginx.conf"
    _header = ("add_header", ";")

    def _values(self, values: Mapping[str, str], tls: tuple[str, str] | None) -> dict[str, str]:
        host, port = values["HOST"], values["PORT"]
        numeric = _ADDRESS.fullmatch(host)
        name = f"[{host}]" if ":" in host else host
        places = [f"{name}:"] if numeric else ["", "[::]:"]
        secure = " ssl http2" if tls else ""
        elsewhere = self._redirecting_site(host, values["PATH"]) if tls and port == "443" else ""
        start = f"^((?:{values['PREFIX']}{values['SIMPLE']}|/\\.slash)/(?!\\.)[^/]*"
        letters = [f'        rewrite "{start}?){_several(letter, count)}([^/]*(?:/.*)?)$" {_lowered(letter.lower(), count)};'
                   for letter in string.ascii_uppercase for count in (_AT_ONCE, 1)]
        separator = f'        rewrite "{start}?)(?:[-_.]*[_.][-_.]*|--+)([^/]*(?:/.*)?)$" $1-$2;'
        return {
            "LISTEN": elsewhere,
            "ADDRESSES": "\n".join(f"    listen {place}{port}{secure};" for place in places),
            "HOST": name,
            "TLS": (f'    ssl_certificate "{tls[0]}";\n    ssl_certificate_key "{tls[1]}";\n'
                    "    # From nginx 1.25.1 on, http2 in listen causes a warning; earlier versions know no other way.\n"
                    if tls else ""),
            "SECURE": f'        add_header Strict-Transport-Security "{_HSTS}";' if tls else "",
            "POLICY": f'        add_header Content-Security-Policy "{_POLICY}";' if tls else "",
            "LETTERS": "\n".join(letters),
            "SEPARATORS": "\n".join([separator] * _AT_ONCE),
            "ROUNDS": str(_ROUNDS),
            "LAST": "x" * _ROUNDS,
        }

    def _redirecting_site(self, host: str, path: str) -> str:
        name = f"[{host}]" if ":" in host else host
        places = [f"{name}:"] if _ADDRESS.fullmatch(host) else ["", "[::]:"]
        listens = "".join(f"    listen {place}80;\n" for place in places)
        return _NGINX_AT_80.format(listens=listens, host=name, challenges=_CHALLENGES, folder=self._challenges(),
                                   paths=_redirected(path))


@implementer(IWebServer)
class Caddy(_WebServer):
    """Renders a site for Caddy 2, which gets certificates without help unless ``tls_certificate`` is set."""

    filename = "caddy.conf"
    _header = ("header", "")

    def _values(self, values: Mapping[str, str], tls: tuple[str, str] | None) -> dict[str, str]:
        host, port = values["HOST"], values["PORT"]
        name = f"[{host}]" if ":" in host else host
        scheme = "https" if tls else "http"
        configured = tls and (self._settings["tls_certificate"] or self._settings["tls_key"])
        return {
            "ADDRESS": f"{scheme}://{name}:{port}",
            "TLS": f'\ttls "{tls[0]}" "{tls[1]}"' if tls and configured else "",
            "LETTERS": "\n".join(f"\t\t\turi replace {letter} {letter.lower()}" for letter in string.ascii_uppercase),
            "DASHES": "\n".join(["\t\t\turi replace -- -"] * _HALVINGS),
            "PINS": PINS,
            "FILE": FILE,
            "SECURE": f'\t\theader Strict-Transport-Security "{_HSTS}"' if tls else "",
            "POLICY": f'\t\theader @vary Content-Security-Policy "{_POLICY}"' if tls else "",
        }


def _several(letter: str, count: int) -> str:
    """Return a pattern that matches a letter ``count`` times and captures the text in between; nginx has nine captures."""
    return f"([^/{letter}]*)".join([letter] * count)


def _lowered(letter: str, count: int) -> str:
    return "".join(f"${number}{letter}" for number in range(1, count + 1)) + f"${count + 1}"


def _redirected(path: str) -> str:
    """Return a pattern for the paths at port 80 that lead to the site with TLS. path: that of ``base_url``."""
    path = re.escape(path)
    return rf"(?!{path}/(?:robots\.txt|favicon\.ico)\z){path}(?:/simple)?(?:/|/{NAME}(?:/{SEGMENT})*/?)"


def _host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if not _HOST.fullmatch(host):
        raise ConfigurationError(f"base_url = {url!r}: {host!r} is not a host name")
    return host


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        return parts.port or _PORTS[parts.scheme.lower()]
    except ValueError as error:
        raise ConfigurationError(f"base_url = {url!r}: {error}") from error


def below(url: str) -> str:
    """Return the path of a base URL without a trailing ``/simple``, which the URLs of older mirrors have."""
    path = urlsplit(url).path.rstrip("/").removesuffix("/simple")
    if path and not re.fullmatch(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", path):
        raise ConfigurationError(f"base_url = {url!r}: its path may have only letters, digits, dashes, dots and underscores")
    return path


def _path(key: str, path: str) -> str:
    if "://" in path:
        raise ConfigurationError(f"{key} = {path!r}: web servers need a directory")
    if _UNSPEAKABLE.search(path):
        raise ConfigurationError(f"{key} = {path!r}: has characters that a web server's configuration can't hold")
    return path
