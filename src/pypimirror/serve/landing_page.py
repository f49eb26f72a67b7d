"""The root page for browsers: contents and age of the mirror, client configuration, and a search.

It lists every project like the plain root page, so that it conforms to PEP 503.
"""

import base64
import hashlib
import re
import sys
import time
from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from typing import NamedTuple

from ..interfaces import IClient
from ..names import normalize
from ..settings.units import in_bytes
from ..tracebacks import summary
from .pages import Page, with_body

_PROJECT = re.compile(r'<a href="([^"/?#]+)/">(.*?)</a>')
_HERE = files(__package__)
_TEMPLATE, _STYLE, _SCRIPT = (_HERE.joinpath(name).read_text(encoding="utf-8") for name in
                              ("front.html.in", "front.css", "front.js"))
#: Seconds for which figures are cached, because they are read from a database.
_KEPT = 60


class Figures(NamedTuple):
    """Facts about a mirror that are not in its pages."""

    files: int
    bytes: int
    #: When the last good run began, in seconds since the epoch, or None.
    checked: float | None


class LandingPage:
    """Renders the landing page. Used by several threads at once."""

    def __init__(self, figures: Callable[[], Figures | None], base_url: str | None, clients: Mapping[str, IClient]):
        """figures: called at most once a minute; returns None if nothing is known. base_url: that of the configuration.

        clients: whose files the page shows, by name.
        """
        self._clients = clients
        self._figures = figures
        self._base_url = base_url
        self._known: tuple[float, Figures | None] = (-_KEPT, None)
        self._last: tuple[object, Page | None] = (None, None)

    def page(self, root: Page, text: bytes, address: str, query: str) -> Page:
        """Return the page.

        root, text: the mirror's plain root page. address: of the server, used without ``base_url``. query: a part of the names
        to list; empty for all.
        """
        figures = self._current()
        key = (root.signature, figures, address)
        if not query and self._last[0] == key and self._last[1] is not None:
            return self._last[1]
        body = self._render(root, text.decode("utf-8", "replace"), self._base_url or address, query, figures).encode()
        page = with_body(root, body)
        if not query:
            self._last = key, page
        return page

    def _current(self) -> Figures | None:
        moment, figures = self._known
        if time.monotonic() - moment >= _KEPT:
            figures = self._figures()
            self._known = time.monotonic(), figures
        return figures

    def _render(self, root: Page, text: str, url: str, query: str, figures: Figures | None) -> str:
        listed = _PROJECT.findall(text)
        wanted = normalize(query.strip())
        found = [(name, display) for name, display in listed if wanted in name] if wanted else listed
        facts = [("Projects", f"{len(listed):,}")]
        if figures:
            facts += [("Files", f"{figures.files:,}"), ("Size", in_bytes(figures.bytes))]
            facts.append(("Last checked", _moment(figures.checked) if figures.checked else "never"))
        facts.append(("Last changed", _moment(root.modified)))
        matching = f"{len(found):,} of {len(listed):,} projects have <q>{escape(query.strip())}</q> in their name."
        values = {
            "TITLE": "Python package mirror",
            "STYLE": _STYLE,
            "SCRIPT": _SCRIPT,
            "FACTS": "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts),
            "USES": "".join(_use(name, client, url) for name, client in self._clients.items()),
            "QUERY": escape(query.strip()),
            "FOUND": f'{matching} <a href=".#projects">Show all</a>' if wanted else f"All {len(listed):,} projects.",
            "PROJECTS": "".join(f'<a href="{name}/">{display}</a><br>\n' for name, display in found),
            "SERIAL": f"<!--SERIAL {root.serial}-->" if root.serial else "",
        }
        return re.sub(r"@([A-Z]+)@", lambda match: values[match[1]], _TEMPLATE)


def policy() -> str:
    """Return the Content-Security-Policy of the page, which allows only its inline style and script."""
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (_STYLE, _SCRIPT))
    return (f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'")


def _use(name: str, client: IClient, url: str) -> str:
    """Return one block to copy: the client's configuration without comments; nothing if the client fails."""
    try:
        text = client.render(f"{url.rstrip('/')}/")
    except Exception as error:  # of a plugin
        print(f"pypimirror: client {name!r}: {summary(error)}", file=sys.stderr)
        return ""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    name = escape(name)
    button = f'<button type="button" data-copy="{name}" aria-label="Copy for {name}" hidden>Copy</button>'
    block = f'<pre id="{name}" tabindex="0">{escape(chr(10).join(lines))}</pre>'
    return f'<div class="use"><h3>{escape(client.title)}</h3>{button}{block}</div>\n'


def _moment(seconds: float) -> str:
    moment = time.gmtime(seconds)
    exact, shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment), time.strftime("%Y-%m-%d %H:%M UTC", moment)
    return f'<time datetime="{exact}">{shown}</time>'
