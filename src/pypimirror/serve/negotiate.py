"""Content negotiation: which form of a page, and whether packed (PEP 691, RFC 9110 section 12)."""

from functools import lru_cache

from ..http.content_types import JSON

HTML = "application/vnd.pypi.simple.v1+html"
TEXT = "text/html"

_LATEST = "application/vnd.pypi.simple.latest+"


@lru_cache(maxsize=256)
def media_type(accept: str) -> str:
    """Choose one of ``JSON``, ``HTML`` and ``TEXT`` for the value of an Accept header, which may be empty.

    JSON only where it is asked for by name: zc.buildout and easy_install send no Accept header and read HTML only, and a
    wildcard comes from clients that never heard of PEP 691. What none of the three fits is answered as ``TEXT``.
    """
    asked = _qualities(accept)
    everything = asked.get("*/*", 0.0)
    json = max(asked.get(JSON, 0.0), asked.get(_LATEST + "json", 0.0))
    html = max(asked.get(name, asked.get("application/*", everything)) for name in (HTML, _LATEST + "html"))
    text = asked.get(TEXT, asked.get("text/*", everything))
    if json and json >= max(html, text):
        return JSON
    return HTML if html > text else TEXT


@lru_cache(maxsize=256)
def is_browser(accept: str) -> bool:
    """Whether an Accept header, which may be empty, is that of a browser: it prefers HTML and names XHTML beside it."""
    return "application/xhtml+xml" in accept.lower() and media_type(accept) is TEXT


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether the value of an Accept-Encoding header, which may be empty, lets us send gzip."""
    asked = _qualities(accept_encoding)
    return asked.get("gzip", asked.get("*", 0.0)) > 0


def _qualities(header: str) -> dict[str, float]:
    """Give the ``q`` value of each item of the header; an item whose ``q`` is no number counts as not asked for."""
    found = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = _number(value.strip())
        if name:
            found[name] = quality
    return found


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
