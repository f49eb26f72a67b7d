"""Content negotiation: format and compression of a page (PEP 691, RFC 9110 section 12)."""

from functools import lru_cache

from ..http.content_types import JSON
from ..names import HTML_PAGE, PAGES

HTML = PAGES[HTML_PAGE]
TEXT = "text/html"

_LATEST = "application/vnd.pypi.simple.latest+"


@lru_cache(maxsize=256)
def choose_media_type(accept: str) -> str:
    """Return ``JSON``, ``HTML`` or ``TEXT`` for the value of an Accept header, which may be empty.

    JSON is chosen only if the header names it: zc.buildout and easy_install send no Accept header and read only HTML, and
    clients that send a wildcard may not support PEP 691. ``TEXT`` is the default if none of the three is accepted.
    """
    asked = _parse_qualities(accept)
    everything = asked.get("*/*", 0.0)
    json = max(asked.get(JSON, 0.0), asked.get(_LATEST + "json", 0.0))
    html = max(asked.get(name, asked.get("application/*", everything)) for name in (HTML, _LATEST + "html"))
    text = asked.get(TEXT, asked.get("text/*", everything))
    if json and json >= max(html, text):
        return JSON
    return HTML if html > text else TEXT


@lru_cache(maxsize=256)
def is_browser(accept: str) -> bool:
    """Return whether an Accept header is that of a browser: it prefers HTML and also names XHTML."""
    return "application/xhtml+xml" in accept.lower() and choose_media_type(accept) is TEXT


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header, which may be empty, accepts gzip."""
    asked = _parse_qualities(accept_encoding)
    return asked.get("gzip", asked.get("*", 0.0)) > 0


def _parse_qualities(header: str) -> dict[str, float]:
    """Return the ``q`` value of each item of the header; 0 if it is not a number."""
    found = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = _parse_quality(value.strip())
        if name:
            found[name] = quality
    return found


def _parse_quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
