"""Foreign URLs of web pages, in a form that browsers and the validators of reports accept."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_LONGEST = 1000
_HOST = re.compile(r"[A-Za-z0-9_.-]+(?::([0-9]{1,5}))?")
_LAST_PORT = 65535
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Characters of RFC 3986 that stay as they are.
_PATH, _QUERY = "/:@!$&'()*+,;=~%", "/:@!$&'()*+,;=~%?"


def web_url(text: str) -> str | None:
    """Return a URL with other characters than those of RFC 3986 quoted; None for anything else than a URL of the web."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    host = _HOST.fullmatch(parts.netloc)
    if parts.scheme not in ("http", "https") or host is None or int(host[1] or 0) > _LAST_PORT or len(text) > _LONGEST:
        return None
    url = f"{parts.scheme}://{parts.netloc}{_quoted(parts.path, _PATH)}"
    url += f"?{_quoted(parts.query, _QUERY)}" if parts.query else ""
    return url + (f"#{_quoted(parts.fragment, _QUERY)}" if parts.fragment else "")


def _quoted(text: str, safe: str) -> str:
    return _LONE_PERCENT.sub("%25", quote(text, safe=safe, errors="replace"))
